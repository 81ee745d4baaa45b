package config

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxMerges bounds merge keys within merge keys, which may go in a circle.
const maxMerges = 16

// pair is one key of a mapping, as it was written.
type pair struct {
	key   string
	line  int
	value *yaml.Node
}

// pairs lists the keys of a mapping, merge keys (<<) resolved: what the
// mapping says itself comes before what it merges.
func (d *document) pairs(node *yaml.Node, path string, depth int) []pair {
	var own, merged []pair
	firstLine := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := resolve(node.Content[i]), node.Content[i+1]
		from := origin{line: node.Content[i].Line}
		switch {
		case key.ShortTag() == "!!merge":
			merged = append(merged, d.merge(resolve(value), from, path, depth+1)...)
		case key.Kind != yaml.ScalarNode:
			d.report.unreadable(from, path, "found %s as a key, want a name", found(key))
		case firstLine[key.Value] > 0:
			d.report.unreadable(from, joinKey(path, key.Value), "given twice, first on line %d", firstLine[key.Value])
		default:
			firstLine[key.Value] = from.line
			own = append(own, pair{key: key.Value, line: from.line, value: value})
		}
	}
	for _, one := range merged {
		if firstLine[one.key] == 0 {
			firstLine[one.key] = one.line
			own = append(own, one)
		}
	}
	return own
}

func (d *document) merge(node *yaml.Node, from origin, path string, depth int) []pair {
	d.values++
	switch {
	case depth > maxMerges || d.values > maxValues:
		d.report.unreadable(from, path, "merge keys (<<) within merge keys without end")
	case node.Kind == yaml.MappingNode:
		return d.pairs(node, path, depth)
	case node.Kind == yaml.SequenceNode:
		var all []pair
		for _, content := range node.Content {
			all = append(all, d.merge(resolve(content), from, path, depth+1)...)
		}
		return all
	default:
		d.report.unreadable(from, path, "found %s after <<, want a section or a list of sections", found(node))
	}
	return nil
}

// unknown reports a key that the schema does not have, with the one that was
// probably meant.
func (d *document) unknown(p pair, section reflect.Type, path string) {
	message := "unknown key"
	if near := nearest(p.key, keysOf(section)); near != "" {
		message += "; did you mean " + quote(near) + "?"
		d.report.broken = append(d.report.broken, joinKey(path, near)) // it is not missing
	} else if elsewhere := pathsEndingIn(p.key); len(elsewhere) > 0 && len(elsewhere) <= 3 {
		message += "; did you mean " + strings.Join(elsewhere, " or ") + "?"
	} else {
		message += "; allowed are " + strings.Join(keysOf(section), ", ")
	}
	d.report.unreadable(origin{line: p.line}, joinKey(path, p.key), "%s", message)
}

// pathsEndingIn finds where else the schema has a key of this name.
func pathsEndingIn(key string) []string {
	var paths []string
	walkKeys(reflect.TypeFor[Config](), "", func(path string, t reflect.Type) {
		if t != secretType && (path == key || strings.HasSuffix(path, "."+key)) {
			paths = append(paths, path)
		}
	})
	return paths
}
