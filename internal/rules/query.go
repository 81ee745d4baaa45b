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
// spelling of the name counts.
func (a *argument) in(rawQuery string) bool {
	found, value := a.last(rawQuery)
	switch found {
	case phpvar.Plain:
		return a.any || a.matchesEncoded(value)
	case phpvar.Array:
		return a.any
	}
	return false
}

// last walks the query as php_default_treat_data does and returns what the
// variable is in the end, with its value still encoded.
func (a *argument) last(rawQuery string) (found phpvar.Spelling, value string) {
	count := 0
	for rest := rawQuery; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if pair == "" {
			continue
		}
		if count++; count > phpvar.MaxInputVars {
			break
		}
		sent, val, _ := strings.Cut(pair, "=")
		switch spelling := a.spelling(sent); spelling {
		case phpvar.Plain, phpvar.Array:
			found, value = spelling, val
		case phpvar.TooDeep:
			found = phpvar.Other
		}
	}
	return found, value
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
