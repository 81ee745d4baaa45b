package config

import (
	"reflect"
	"regexp"
)

// visit calls do for every value below a section that somebody said: scalars,
// lists, entries of lists and sections, each before what it holds.
func visit(section reflect.Value, path string, do func(path string, value reflect.Value)) {
	for _, f := range fieldsOf(section.Type()) {
		value, below := section.Field(f.index), joinKey(path, f.key)
		if value.Kind() == reflect.Pointer {
			value = value.Elem()
		}
		if !value.IsValid() {
			continue
		}
		do(below, value)
		switch {
		case isScalar(f.typ):
		case f.typ.Kind() == reflect.Struct:
			visit(value, below, do)
		default:
			visitEntries(value, below, do)
		}
	}
}

func visitEntries(list reflect.Value, path string, do func(path string, value reflect.Value)) {
	for i := range list.Len() {
		below := joinIndex(path, i)
		do(below, list.Index(i))
		if !isScalar(list.Type().Elem()) {
			visit(list.Index(i), below, do)
		}
	}
}

var position = regexp.MustCompile(`\[[0-9]+\]`)

// general takes the positions out of a path: upstreams[].servers[].address.
func general(path string) string { return position.ReplaceAllString(path, "[]") }
