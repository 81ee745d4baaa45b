package config

import (
	"bytes"
	"reflect"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
)

// Source is where a configuration comes from. Its zero value gives the
// defaults.
type Source struct {
	Path  string   // of the YAML file; "" for none
	Env   []string // NAME=value, as of os.Environ; only SESSIONGATE_ names are looked at
	Flags []Flag   // in the order given; the last one of a path counts

	// Check, if set, looks at a configuration that could be read. It returns
	// errors that begin with the path of a key, joined if there are several;
	// Load adds the line and lists them among its own.
	Check func(*Config) error
}

// Flag is a value that was given on the command line.
type Flag struct {
	Name  string // as the operator wrote it: --fastcgi
	Path  string // of the key that it sets: upstreams[0].servers[0].address
	Value string
}

// Load reads the configuration: flags over environment over file over
// defaults. The error, if any, is of the type Errors and holds every mistake.
func Load(source Source) (*Config, error) {
	content, err := source.content()
	if err != nil {
		return nil, err
	}
	return load(source, content)
}

// content is that of the file; nil where there is none.
func (source Source) content() ([]byte, error) {
	if source.Path == "" {
		return nil, nil
	}
	content, err := readFile(source.Path)
	if err != nil {
		return nil, Errors{{Message: err.Error()}}
	}
	return content, nil
}

func load(source Source, content []byte) (*Config, error) {
	return loadReported(source, content, newReport(source.Path))
}

func loadReported(source Source, content []byte, r *report) (*Config, error) {
	layers := viper.NewWithOptions(viper.WithDecoderRegistry(&document{report: r}))
	layers.SetConfigType("yaml")
	for key, value := range treeOf(reflect.ValueOf(*Defaults())) {
		layers.SetDefault(key, value)
	}
	if err := layers.ReadConfig(bytes.NewReader(content)); err != nil {
		return nil, err
	}
	for _, s := range append(fromEnvironment(source.Env, r), fromFlags(source.Flags, r)...) {
		apply(layers, s, r)
	}
	cfg := &Config{}
	if err := layers.UnmarshalExact(cfg, exactly); err != nil {
		return nil, err
	}
	if err := source.check(cfg, r); err != nil {
		return nil, err
	}
	return cfg, nil
}

// check finds what cannot work, or cannot be meant.
func (source Source) check(cfg *Config, r *report) error {
	validate(cfg, r)
	if source.Check != nil {
		r.refuseAll(source.Check(cfg))
	}
	return r.err()
}

// exactly turns off what viper and mapstructure would convert.
func exactly(decoder *mapstructure.DecoderConfig) {
	decoder.WeaklyTypedInput = false
	decoder.DecodeHook = nil
	decoder.ZeroFields = true
}

func fromFlags(flags []Flag, r *report) []setting {
	settings := make([]setting, 0, len(flags))
	for _, flag := range flags {
		from := origin{layer: layerFlag, name: flag.Name}
		path, err := parsePath(flag.Path)
		switch {
		case err != nil:
			r.add(from, "", "%s", err)
		case path.typ == secretType:
			r.add(from, flag.Path, "a secret on the command line can be seen by everyone; use %s_file or %s", flag.Path, envName(flag.Path))
		default:
			settings = append(settings, setting{from: from, path: path, text: flag.Value})
		}
	}
	return settings
}

// apply sets one value above the layers below it. viper cannot set within a
// list, so the list that stands there now is taken up whole.
func apply(layers *viper.Viper, s setting, r *report) {
	value, err := parseValue(s.path.typ, s.text)
	if err != nil {
		r.unreadable(s.from, s.path.String(), "%s", err)
		return
	}
	list, _, inList := strings.Cut(s.path.String(), "[")
	if !inList {
		layers.Set(list, value)
	} else {
		tree, err := s.path.put(map[string]any{list: clone(layers.Get(list))}, value)
		if err != nil {
			r.unreadable(s.from, s.path.String(), "%s", err)
			return
		}
		layers.Set(list, tree.(map[string]any)[list])
	}
	r.origins[s.path.String()] = s.from
}
