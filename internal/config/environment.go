package config

import (
	"cmp"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const envPrefix = "SESSIONGATE_"

// EnvFile is the variable that names the configuration file where no flag
// does. It is read by the commands, not by Load.
const EnvFile = "SESSIONGATE_CONFIG"

// foreignEnv matches what Kubernetes and Docker links put into every
// container beside a service whose name begins with sessiongate.
var foreignEnv = regexp.MustCompile(`^SESSIONGATE_(.+_)?(SERVICE_HOST=.*|SERVICE_PORT(_.+)?=[0-9]+|PORT(_[0-9]+_(TCP|UDP|SCTP))?=[a-z]+://.*|PORT_[0-9]+_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR)=.*)$`)

// setting is one value from the environment or from a flag.
type setting struct {
	from origin
	path keyPath
	text string
}

// envName gives the variable of a path without lists: lock.ttl is
// SESSIONGATE_LOCK_TTL.
func envName(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// fromEnvironment finds the settings among NAME=value, in the order of their
// paths, so that the entries of a list come one after the other.
func fromEnvironment(environ []string, r *report) []setting {
	var settings []setting
	for _, variable := range environ {
		name, text, _ := strings.Cut(variable, "=")
		rest, ok := strings.CutPrefix(name, envPrefix)
		if !ok || name == EnvFile {
			continue
		}
		from := origin{layer: layerEnvironment, name: name}
		if path, ok := envPath(rest, keyPath{typ: reflect.TypeFor[Config]()}); ok {
			settings = append(settings, setting{from: from, path: path, text: text})
		} else if !foreignEnv.MatchString(variable) {
			r.add(from, "", "%s", unknownVariable(name))
		}
	}
	slices.SortStableFunc(settings, func(a, b setting) int {
		return slices.CompareFunc(a.path.steps, b.path.steps, func(a, b step) int {
			return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.index, b.index))
		})
	})
	return settings
}

// envPath finds the path that a variable's name stands for. Keys have
// underscores of their own, so every key that fits is tried.
func envPath(name string, at keyPath) (keyPath, bool) {
	if name == "" {
		return at, isSettable(at.typ)
	}
	if isSettable(at.typ) {
		return at, false
	}
	if at.typ.Kind() == reflect.Slice {
		number, rest := splitNumber(name)
		index, err := strconv.Atoi(number)
		if err != nil || strconv.Itoa(index) != number {
			return at, false
		}
		return envPath(strings.TrimPrefix(rest, "_"), at.below(step{index: index}, at.typ.Elem()))
	}
	for _, f := range fieldsOf(at.typ) {
		rest, ok := strings.CutPrefix(name, strings.ToUpper(f.key))
		if !ok || rest != "" && rest[0] != '_' {
			continue
		}
		if found, ok := envPath(strings.TrimPrefix(rest, "_"), at.below(step{key: f.key}, f.typ)); ok {
			return found, true
		}
	}
	return at, false
}

// below returns the path one step on, without touching the steps of p.
func (p keyPath) below(s step, t reflect.Type) keyPath {
	return keyPath{steps: append(slices.Clone(p.steps), s), typ: t}
}

func unknownVariable(name string) string {
	message := "no such setting"
	if near := nearest(strings.TrimPrefix(name, envPrefix), envNames()); near != "" {
		message += "; did you mean " + envPrefix + near + "?"
	}
	return message
}

// envNames lists the variables of all scalars and lists of scalars that
// stand in no list of sections, without the prefix.
func envNames() []string {
	names := []string{strings.TrimPrefix(EnvFile, envPrefix)}
	walkKeys(reflect.TypeFor[Config](), "", func(path string, t reflect.Type) {
		if isSettable(t) && !strings.Contains(path, "[]") {
			names = append(names, strings.TrimPrefix(envName(path), envPrefix))
		}
	})
	return names
}
