package config

import (
	"net/netip"
	"reflect"
	"time"
)

// field is one key of a section.
type field struct {
	key   string
	typ   reflect.Type // pointers taken off
	index int          // in the struct
	live  bool         // a running gate takes a new value over
}

// fieldsOf lists the keys of a section in the order of the schema.
func fieldsOf(section reflect.Type) []field {
	fields := make([]field, 0, section.NumField())
	for i := range section.NumField() {
		f := section.Field(i)
		fields = append(fields, field{key: f.Tag.Get("mapstructure"), typ: pointee(f.Type), index: i, live: f.Tag.Get("reload") == "yes"})
	}
	return fields
}

func fieldNamed(section reflect.Type, key string) (field, bool) {
	for _, f := range fieldsOf(section) {
		if f.key == key {
			return f, true
		}
	}
	return field{}, false
}

// keysOf lists the keys of a section that may stand in the file.
func keysOf(section reflect.Type) []string {
	var keys []string
	for _, f := range fieldsOf(section) {
		if f.typ != secretType {
			keys = append(keys, f.key)
		}
	}
	return keys
}

var (
	durationType    = reflect.TypeFor[time.Duration]()
	sizeType        = reflect.TypeFor[Size]()
	rateType        = reflect.TypeFor[Rate]()
	requestRateType = reflect.TypeFor[RequestRate]()
	secretType      = reflect.TypeFor[Secret]()
	prefixType      = reflect.TypeFor[netip.Prefix]()
)

// isScalar tells whether a type is written as one word: everything but
// sections and lists.
func isScalar(t reflect.Type) bool {
	return t == prefixType || t.Kind() != reflect.Struct && t.Kind() != reflect.Slice
}

func pointee(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// walkKeys calls visit for every key below a section, sections and lists
// included. Within lists the path has [] for the position.
func walkKeys(section reflect.Type, path string, visit func(path string, t reflect.Type)) {
	for _, f := range fieldsOf(section) {
		below := joinKey(path, f.key)
		visit(below, f.typ)
		switch {
		case isScalar(f.typ):
		case f.typ.Kind() == reflect.Struct:
			walkKeys(f.typ, below, visit)
		case !isScalar(f.typ.Elem()):
			walkKeys(f.typ.Elem(), below+"[]", visit)
		}
	}
}
