package rules

import (
	"bytes"
	"strings"

	"github.com/sessiongate/sessiongate/internal/phpvar"
)

// decodeSpace is what an encoded name or value may be long before its decoding
// has to be allocated.
const decodeSpace = 256

// argument is one compiled entry of Match.Query.
type argument struct {
	name  string // folded
	value *glob
	any   bool // the value does not matter
}

// in reports whether the query holds the argument, as PHP reads it: the last
// spelling of the name counts. PHP reads max_input_vars arguments, 1000 by
// default and more where somebody has said so; if there are more than 1000 it
// must be so whether PHP reads the others or not, or, with either, in one of
// the two cases.
func (a *argument) in(rawQuery string, either bool) bool {
	found, value, all := a.last(rawQuery, phpvar.MaxInputVars)
	holds := a.takes(found, value)
	if all || holds == either {
		return holds
	}
	found, value, _ = a.last(rawQuery, len(rawQuery))
	return a.takes(found, value)
}

func (a *argument) takes(found phpvar.Spelling, value string) bool {
	switch found {
	case phpvar.Plain:
		return a.any || a.matchesEncoded(value)
	case phpvar.Array:
		return a.any
	default:
		return false
	}
}

// last walks the query as php_default_treat_data does, up to a number of
// arguments, and returns what the variable is in the end, with its value still
// encoded, and whether these were all arguments.
func (a *argument) last(rawQuery string, limit int) (found phpvar.Spelling, value string, all bool) {
	count := 0
	for rest := rawQuery; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if pair == "" {
			continue
		}
		if count++; count > limit {
			return found, value, false
		}
		sent, val, _ := strings.Cut(pair, "=")
		switch spelling := a.spelling(sent); spelling {
		case phpvar.Plain, phpvar.Array:
			found, value = spelling, val
		case phpvar.TooDeep:
			found = phpvar.Other
		}
	}
	return found, value, true
}

func (a *argument) spelling(sent string) phpvar.Spelling {
	if !phpvar.IsURLEncoded(sent) {
		return phpvar.SpellingOf(sent, a.name)
	}
	var space [decodeSpace]byte
	name := phpvar.AppendURLDecode(space[:0], sent)
	if end := bytes.IndexByte(name, 0); end >= 0 {
		name = name[:end]
	}
	return phpvar.SpellingOf(name, a.name)
}

func (a *argument) matchesEncoded(value string) bool {
	if !phpvar.IsURLEncoded(value) {
		return matches(a.value, value)
	}
	var space [decodeSpace]byte
	return matches(a.value, phpvar.AppendURLDecode(space[:0], value))
}
