package config

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// value checks one node against the type that the schema has at the path, and
// returns its tree: a map, a list or a scalar; nil where it said nothing or
// something wrong.
func (d *document) value(node *yaml.Node, t reflect.Type, path string) any {
	from := origin{line: node.Line}
	node = resolve(node)
	if d.values++; d.values > maxValues {
		if d.values == maxValues+1 {
			d.report.unreadable(from, "", "more than %d values; are there aliases to aliases?", maxValues)
		}
		return nil
	}
	if t == secretType {
		d.report.unreadable(from, path, "a secret does not stand in the file; use %s_file or the environment variable %s", path, envName(path))
		return nil
	}
	if isNull(node) {
		return nil
	}
	d.report.origins[path] = from
	switch {
	case isScalar(t):
		return d.scalar(node, from, t, path)
	case t.Kind() == reflect.Slice && node.Kind == yaml.SequenceNode:
		return d.list(node, t.Elem(), path)
	case t.Kind() == reflect.Struct && node.Kind == yaml.MappingNode:
		return d.section(node, t, path)
	}
	d.report.unreadable(from, path, "found %s, want %s", found(node), wantedInstead(t, node))
	return nil
}

func (d *document) section(node *yaml.Node, t reflect.Type, path string) map[string]any {
	tree := map[string]any{}
	for _, pair := range d.pairs(node, path, 0) {
		known, ok := fieldNamed(t, pair.key)
		if !ok {
			d.unknown(pair, t, path)
			continue
		}
		if value := d.value(pair.value, known.typ, joinKey(path, pair.key)); value != nil {
			tree[pair.key] = value
		}
	}
	return tree
}

// list keeps the place of entries that cannot be read, so that positions in
// later messages are those of the file.
func (d *document) list(node *yaml.Node, entry reflect.Type, path string) []any {
	list := make([]any, 0, len(node.Content))
	for i, content := range node.Content {
		below := joinIndex(path, i)
		value := d.value(content, entry, below)
		if isNull(resolve(content)) {
			d.report.unreadable(origin{line: content.Line}, below, "an empty entry, want %s", wanted(entry))
		}
		if !isScalar(entry) {
			said, _ := value.(map[string]any)
			value = overlay(entryTree(entry), said)
		} else if value == nil {
			value = reflect.Zero(entry).Interface()
		}
		list = append(list, value)
	}
	return list
}

// scalar takes a value only as what YAML says it is: "5" is text, 5 is a
// number. Quantities are text with a unit, or the bare number 0.
func (d *document) scalar(node *yaml.Node, from origin, t reflect.Type, path string) any {
	tag := node.ShortTag()
	ok := node.Kind == yaml.ScalarNode
	switch {
	case t.Kind() == reflect.Bool:
		ok = ok && tag == "!!bool"
	case t.Kind() == reflect.Int:
		ok = ok && (tag == "!!int" || tag == "!!float" && isDigits(node.Value))
	case isQuantity(t):
		ok = ok && (tag == "!!str" || tag == "!!int" || tag == "!!float")
	default:
		ok = ok && tag == "!!str"
	}
	if !ok {
		d.report.unreadable(from, path, "found %s, want %s", found(node), wantedInstead(t, node))
		return nil
	}
	value, err := parseScalar(t, node.Value)
	if err != nil {
		d.report.unreadable(from, path, "%s", err)
		return nil
	}
	return value
}

func isQuantity(t reflect.Type) bool {
	return t == durationType || t == sizeType || t == rateType || t == requestRateType
}

// found says what stands in the file, with its kind.
func found(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a section"
	case yaml.SequenceNode:
		return "a list"
	}
	switch node.ShortTag() {
	case "!!str":
		return "the text " + quote(node.Value)
	case "!!int", "!!float":
		return "the number " + clip(node.Value)
	case "!!bool":
		return clip(node.Value)
	case "!!timestamp":
		return "the date " + clip(node.Value)
	case "!!null":
		return "nothing"
	}
	return "a value of the type " + clip(node.ShortTag())
}

// wantedInstead says what is allowed, and how the value found would be
// written where that is plain.
func wantedInstead(t reflect.Type, node *yaml.Node) string {
	want := wanted(t)
	if node.Kind != yaml.ScalarNode {
		return want
	}
	switch {
	case t.Kind() == reflect.Slice && isScalar(t.Elem()) && node.ShortTag() == "!!str":
		return want + ": [" + quote(node.Value) + "]"
	case t.Kind() == reflect.String && allowedWords[t] == nil:
		return want + ": " + quote(node.Value)
	case t.Kind() == reflect.Int && isDigits(node.Value) && t != durationType:
		return want + " without quotes: " + clip(node.Value)
	}
	return want
}

// isDigits is true of numbers that YAML calls floats because they are large.
func isDigits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

func isNull(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

// resolve follows an alias to what it stands for.
func resolve(node *yaml.Node) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}
