package rules

import (
	"github.com/sessiongate/sessiongate/internal/phpvar"
)

// argument is one compiled entry of Match.Query.
type argument struct {
	name   string // folded
	number int    // among the names that rules ask for
	value  *glob
	any    bool // the value does not matter
}

func (c *compiled) hasArgument(f *facts) bool {
	for i := range c.query {
		if c.query[i].in(f.arguments(), c.policy.Reject) {
			return true
		}
	}
	return false
}

// in reports whether the query holds the argument, as PHP reads it: the last
// spelling of the name counts. PHP reads max_input_vars arguments, 1000 by
// default and more where somebody has said so; if there are more than 1000 it
// must be so whether PHP reads the others or not, or, with either, in one of
// the two cases.
func (a *argument) in(q *arguments, either bool) bool {
	if q == nil {
		return false
	}
	holds := a.takes(q, q.byDefault(a.number))
	if !q.more || holds == either {
		return holds
	}
	return a.takes(q, &q.all[a.number])
}

func (a *argument) takes(q *arguments, last *spelled) bool {
	switch last.found {
	case phpvar.Plain:
		return a.any || q.matches(a.value, last)
	case phpvar.Array:
		return a.any
	default:
		return false
	}
}
