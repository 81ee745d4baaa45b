package config

import (
	"reflect"
	"slices"
)

// saidKeys lists the keys of a rule that say something, in schema order.
func saidKeys(rule *Rule) []string {
	value := reflect.ValueOf(*rule)
	var said []string
	for _, f := range fieldsOf(value.Type()) {
		if !value.Field(f.index).IsZero() {
			said = append(said, f.key)
		}
	}
	return said
}

// Says tells whether a rule says something under a key of its own: "lock".
func (rule *Rule) Says(key string) bool { return slices.Contains(saidKeys(rule), key) }

func isEmptyMatch(m Match) bool { return reflect.ValueOf(m).IsZero() }

// emptyLists names the lists of a match that were said and hold nothing.
func emptyLists(m Match) []string {
	value := reflect.ValueOf(m)
	var empty []string
	for _, f := range fieldsOf(value.Type()) {
		if list := value.Field(f.index); list.Kind() == reflect.Slice && !list.IsNil() && list.Len() == 0 {
			empty = append(empty, f.key)
		}
	}
	return empty
}

// ruleTree gives what a rule says, by key.
func ruleTree(rule *Rule) map[string]any { return treeOf(reflect.ValueOf(*rule)) }
