package config

import (
	"reflect"
	"strings"
)

// later lists the keys that are read and checked but do nothing yet. Saying
// anything but the default is refused, so that nobody relies on them. A key
// that works is taken out of this list, and that is all.
//
// A path with .* at its end stands for every key below it. harmless is a value
// that asks for nothing, where the default is not to say anything.
var later = []struct {
	path     string
	harmless any
}{
	{path: "lock.enforce"},
	{path: "rules[].enforce", harmless: true},
}

// validateSupport refuses what is listed in later.
func validateSupport(cfg *Config, r *report) {
	starts := map[string]any{}
	visit(reflect.ValueOf(*Defaults()), "", func(path string, value reflect.Value) {
		starts[general(path)] = value.Interface()
	})
	visit(reflect.ValueOf(*cfg), "", func(path string, value reflect.Value) {
		key, harmless, ok := isLater(path)
		if !ok || asksForNothing(value, starts[key], harmless) {
			return
		}
		r.refuse(path, nil, "not supported yet")
	})
}

// isLater finds a path in the list. The key is that of its default.
func isLater(path string) (key string, harmless any, ok bool) {
	for _, row := range later {
		if section, all := strings.CutSuffix(row.path, "*"); all {
			if strings.HasPrefix(general(path), section) && !strings.HasSuffix(path, "]") {
				return general(path), nil, true
			}
		} else if matchesPath(row.path, path) {
			return row.path, row.harmless, true
		}
	}
	return "", nil, false
}

// matchesPath compares with a pattern: [] is any position, [1] that one.
func matchesPath(pattern, path string) bool {
	for {
		start, rest, more := strings.Cut(pattern, "[]")
		after, ok := strings.CutPrefix(path, start)
		if !ok || !more {
			return ok && after == ""
		}
		place := position.FindStringIndex(after)
		if place == nil || place[0] != 0 {
			return false
		}
		pattern, path = rest, after[place[1]:]
	}
}

// asksForNothing tells whether a value changes nothing. Sections are judged
// by what stands in them.
func asksForNothing(value reflect.Value, start, harmless any) bool {
	said := value.Interface()
	switch {
	case value.Kind() == reflect.Slice && value.Len() == 0:
		return true
	case value.Kind() == reflect.Struct && start != nil:
		return true
	}
	return start != nil && reflect.DeepEqual(said, start) || harmless != nil && said == harmless
}
