package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// keyPath leads from the root to one scalar or one list of scalars.
type keyPath struct {
	steps []step
	typ   reflect.Type // of the value at its end
}

// step is a key, or a position in a list.
type step struct {
	key   string
	index int // where key is ""
}

func (p keyPath) String() string {
	path := ""
	for _, s := range p.steps {
		if s.key == "" {
			path = joinIndex(path, s.index)
		} else {
			path = joinKey(path, s.key)
		}
	}
	return path
}

// isSettable tells whether one word, or words with commas between them, can
// be the whole value.
func isSettable(t reflect.Type) bool {
	return isScalar(t) || t.Kind() == reflect.Slice && isScalar(t.Elem())
}

// parsePath reads a path such as upstreams[0].servers[1].address.
func parsePath(path string) (keyPath, error) {
	parsed := keyPath{typ: reflect.TypeFor[Config]()}
	for part := range strings.SplitSeq(path, ".") {
		key, positions, _ := strings.Cut(part, "[")
		if parsed.typ.Kind() != reflect.Struct || isScalar(parsed.typ) {
			return parsed, fmt.Errorf("no such key: %s", path)
		}
		known, ok := fieldNamed(parsed.typ, key)
		if !ok {
			return parsed, fmt.Errorf("no such key: %s", path)
		}
		parsed.steps, parsed.typ = append(parsed.steps, step{key: key}), known.typ
		if positions == "" {
			continue
		}
		index, err := strconv.Atoi(strings.TrimSuffix(positions, "]"))
		if err != nil || index < 0 || parsed.typ.Kind() != reflect.Slice || isScalar(parsed.typ.Elem()) {
			return parsed, fmt.Errorf("no such key: %s", path)
		}
		parsed.steps, parsed.typ = append(parsed.steps, step{index: index}), parsed.typ.Elem()
	}
	if !isSettable(parsed.typ) {
		return parsed, fmt.Errorf("%s is not a single value", path)
	}
	return parsed, nil
}

// put sets the value in a tree and returns the tree. A position one past the
// end of a list begins a new entry.
func (p keyPath) put(tree, value any) (any, error) {
	return put(tree, reflect.TypeFor[Config](), p.steps, value)
}

func put(tree any, t reflect.Type, steps []step, value any) (any, error) {
	if len(steps) == 0 {
		return value, nil
	}
	first, rest := steps[0], steps[1:]
	if first.key != "" {
		section, _ := tree.(map[string]any)
		known, _ := fieldNamed(t, first.key)
		below, err := put(section[first.key], known.typ, rest, value)
		section[first.key] = below
		return section, err
	}
	list, _ := tree.([]any)
	if first.index > len(list) {
		return tree, fmt.Errorf("there are %d entries; the next has the number %d", len(list), len(list))
	}
	if first.index == len(list) {
		list = append(list, entryTree(t.Elem()))
	}
	below, err := put(list[first.index], t.Elem(), rest, value)
	list[first.index] = below
	return list, err
}

// parseValue reads the text for the end of a path. A list of scalars is
// written with commas.
func parseValue(t reflect.Type, text string) (any, error) {
	if isScalar(t) {
		if text == "" && t.Kind() != reflect.String || text == "" && allowedWords[t] != nil {
			return nil, errors.New("is empty, want " + wanted(t))
		}
		return parseScalar(t, text)
	}
	list := []any{}
	if strings.TrimSpace(text) == "" {
		return list, nil
	}
	for entry := range strings.SplitSeq(text, ",") {
		value, err := parseScalar(t.Elem(), strings.TrimSpace(entry))
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, nil
}
