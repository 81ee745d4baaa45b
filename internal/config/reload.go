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
// the old values of what needs a restart. So a rule for an upstream that is only
// there after the restart is refused, as everything is where there is a mistake.
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
	case a.Kind() == reflect.Slice && !isScalar(a.Type().Elem()) && !live:
		d.entries(a, b, path)
	default:
		d.note(path, live)
	}
}

// entries compares two lists of sections, place by place.
func (d *difference) entries(a, b reflect.Value, path string) {
	for i := range max(a.Len(), b.Len()) {
		at := joinIndex(path, i)
		if i >= a.Len() || i >= b.Len() {
			d.note(at, false)
			continue
		}
		d.sections(a.Index(i), b.Index(i), at, false)
	}
}

// sameValue takes a list that nobody has written for one that has nothing in it.
func sameValue(a, b reflect.Value) bool {
	if a.Kind() == reflect.Slice && a.Len()+b.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// keepFixed puts into a section what a running gate cannot take over. Entries of a
// list that is kept take over what they can from the one of their name.
func keepFixed(section, running reflect.Value) {
	for _, f := range fieldsOf(section.Type()) {
		value, kept := section.Field(f.index), running.Field(f.index)
		switch {
		case f.live:
		case isScalar(f.typ):
			value.Set(kept)
		case f.typ.Kind() == reflect.Struct:
			keepFixed(value, kept)
		default:
			value.Set(keptEntries(value, kept))
		}
	}
}

func keptEntries(list, running reflect.Value) reflect.Value {
	kept := reflect.MakeSlice(list.Type(), running.Len(), running.Len())
	reflect.Copy(kept, running)
	if isScalar(list.Type().Elem()) {
		return kept
	}
	name, named := fieldNamed(list.Type().Elem(), "name")
	for i := range kept.Len() {
		for j := range list.Len() {
			if named && list.Index(j).Field(name.index).Equal(kept.Index(i).Field(name.index)) {
				takeLive(kept.Index(i), list.Index(j))
			}
		}
	}
	return kept
}

// takeLive puts into an entry what a running gate can take over.
func takeLive(entry, next reflect.Value) {
	for _, f := range fieldsOf(entry.Type()) {
		if f.live {
			entry.Field(f.index).Set(next.Field(f.index))
		}
	}
}

// LiveKeys lists the keys that a running gate takes over, sections and lists as
// such, by general path: upstreams[].session.
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
		case isScalar(f.typ):
		case f.typ.Kind() == reflect.Struct:
			liveKeys(f.typ, below, keys)
		case !isScalar(f.typ.Elem()):
			liveKeys(f.typ.Elem(), below+"[]", keys)
		}
	}
}
