package config

import (
	"cmp"
	"slices"
	"strings"
)

// Error is one mistake in the configuration.
type Error struct {
	Source  string // where the value was set: "gate.yaml:12", "SESSIONGATE_LOCK_TTL", "--listen"; "" where nobody set it
	Path    string // the key, as in upstreams[0].servers[1].address; "" where the file as a whole is meant
	Message string // what was found and what is allowed

	order origin
}

// Error gives the mistake in one line: source, path and message.
func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	for _, part := range []string{e.Source, e.Path, e.Message} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// Errors is every mistake that Load found: those of the file from its top to
// its end, then those of the environment and of the flags.
type Errors []*Error

// Error gives one line for each mistake.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find the single mistakes.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

func (e Errors) sort() {
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.order.layer, b.order.layer), cmp.Compare(a.order.line, b.order.line))
	})
}
