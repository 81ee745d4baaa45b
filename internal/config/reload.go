package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Reloaded is a configuration that was read again while a gate goes by another.
type Reloaded struct {
	Config  *Config  // what the gate can go by now
	Changed []string // paths of the keys in which that differs from what it goes by
	Restart []string // paths of the keys that have other values and need a restart: Config has the old ones
	next    *Config  // as it stands
}

// Reload reads the configuration again. It is checked twice: as it stands, which
// is what the next start will find, and as the running gate would go by it, with
// the old values of what needs a restart. So a limit that is shared by way of a
// Redis that is only there after the restart is refused, as everything is where
// there is a mistake.
func Reload(source Source, running *Config) (*Reloaded, error) {
	content, err := source.content()
	if err != nil {
		return nil, err
	}
	r := newReport(source.Path)
	next, err := loadReported(source, content, r)
	if err != nil {
		return nil, err
	}
	d := &difference{}
	d.sections(reflect.ValueOf(*running), reflect.ValueOf(*next), "", false)
	mixed := *next
	keepFixed(reflect.ValueOf(&mixed).Elem(), reflect.ValueOf(*running))
	if len(d.fixed) > 0 {
		if err := source.check(&mixed, r); err != nil {
			return nil, append(r.errors, &Error{Message: fmt.Sprintf("that is so until the gate is restarted, which a new value of %s needs; restart it, or take that back", strings.Join(d.fixed, ", "))})
		}
	}
	return &Reloaded{Config: &mixed, Changed: d.live, Restart: d.fixed, next: next}, nil
}

// CheckFiles compares the configuration with the machine as the function does, and
// as the next start will find it.
func (r *Reloaded) CheckFiles() (mistakes, warnings Errors) { return CheckFiles(r.next) }

// difference gathers the paths in which two configurations differ.
type difference struct {
	live  []string // of what a running gate takes over
	fixed []string
}

func (d *difference) note(path string, live bool) {
	if live {
		d.live = append(d.live, path)
	} else {
		d.fixed = append(d.fixed, path)
	}
}

// sections compares two sections of one kind; live says that all of it is.
func (d *difference) sections(a, b reflect.Value, path string, live bool) {
	for _, f := range fieldsOf(a.Type()) {
		d.values(a.Field(f.index), b.Field(f.index), joinKey(path, f.key), live || f.live)
	}
}

func (d *difference) values(a, b reflect.Value, path string, live bool) {
	switch {
	case sameValue(a, b):
	case a.Kind() == reflect.Struct && !isScalar(a.Type()):
		d.sections(a, b, path, live)
	default:
		d.note(path, live)
	}
}

// sameValue takes a list that nobody has written for one that has nothing in it.
func sameValue(a, b reflect.Value) bool {
	if a.Kind() == reflect.Slice && a.Len()+b.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// keepFixed puts into a section what a running gate cannot take over. A list is
// taken over as a whole, or kept.
func keepFixed(section, running reflect.Value) {
	for _, f := range fieldsOf(section.Type()) {
		value, kept := section.Field(f.index), running.Field(f.index)
		switch {
		case f.live:
		case f.typ.Kind() == reflect.Struct && !isScalar(f.typ):
			keepFixed(value, kept)
		default:
			value.Set(kept)
		}
	}
}

// LiveKeys lists the keys that a running gate takes over, sections and lists as
// such.
func LiveKeys() []string {
	var keys []string
	liveKeys(reflect.TypeFor[Config](), "", &keys)
	return keys
}

func liveKeys(section reflect.Type, path string, keys *[]string) {
	for _, f := range fieldsOf(section) {
		below := joinKey(path, f.key)
		switch {
		case f.live:
			*keys = append(*keys, below)
		case f.typ.Kind() == reflect.Struct && !isScalar(f.typ):
			liveKeys(f.typ, below, keys)
		}
	}
}
