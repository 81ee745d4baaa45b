package config

import "reflect"

// A tree is a configuration as viper holds it: maps by key, lists of any, and
// scalars of the schema's own types.

// treeOf turns a section into a tree. Nil pointers and nil lists say nothing
// and are left out.
func treeOf(section reflect.Value) map[string]any {
	tree := map[string]any{}
	for _, f := range fieldsOf(section.Type()) {
		value := section.Field(f.index)
		if value.Kind() == reflect.Pointer {
			value = value.Elem()
		}
		switch {
		case !value.IsValid():
		case isScalar(f.typ):
			tree[f.key] = value.Interface()
		case f.typ.Kind() == reflect.Struct:
			tree[f.key] = treeOf(value)
		case !value.IsNil():
			tree[f.key] = listOf(value)
		}
	}
	return tree
}

func listOf(slice reflect.Value) []any {
	list := make([]any, slice.Len())
	for i := range list {
		if isScalar(slice.Type().Elem()) {
			list[i] = slice.Index(i).Interface()
		} else {
			list[i] = treeOf(slice.Index(i))
		}
	}
	return list
}

// entryTree is what an entry of a list starts from.
func entryTree(entry reflect.Type) map[string]any {
	if start, ok := entryDefaults[entry]; ok {
		return treeOf(reflect.ValueOf(start()))
	}
	return treeOf(reflect.Zero(entry))
}

// overlay puts what was said over what holds otherwise. Lists are replaced,
// not joined.
func overlay(under, said map[string]any) map[string]any {
	for key, value := range said {
		section, ok := value.(map[string]any)
		if below, both := under[key].(map[string]any); ok && both {
			under[key] = overlay(below, section)
			continue
		}
		under[key] = value
	}
	return under
}

// clone copies a tree with its lists, so that viper's own is not changed.
func clone(tree any) any {
	switch tree := tree.(type) {
	case map[string]any:
		copied := make(map[string]any, len(tree))
		for key, value := range tree {
			copied[key] = clone(value)
		}
		return copied
	case []any:
		copied := make([]any, len(tree))
		for i, value := range tree {
			copied[i] = clone(value)
		}
		return copied
	}
	return tree
}
