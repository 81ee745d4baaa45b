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

func contains(list []string, word string) bool { return slices.Contains(list, word) }

func isEmptyMatch(m Match) bool { return reflect.ValueOf(m).IsZero() }

// matchLists gives the length of every list of a match that was said.
func matchLists(m Match) map[string]int {
	value := reflect.ValueOf(m)
	lengths := map[string]int{}
	for _, f := range fieldsOf(value.Type()) {
		if field := value.Field(f.index); field.Kind() == reflect.Slice && !field.IsNil() {
			lengths[f.key] = field.Len()
		}
	}
	return lengths
}
