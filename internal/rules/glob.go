package rules

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// globKind says what text a glob is for.
type globKind uint8

const (
	textGlob   globKind = iota // "*" crosses everything
	pathGlob                   // "*" stops at slashes, "**" does not
	foldedGlob                 // as text; ASCII case does not count: the text must be in lower case
)

// glob is a compiled pattern: a literal beginning, a literal end, and between
// them what only wildcards can match. Most patterns have no more than a
// beginning and one wildcard. Where all wildcards cross slashes, what stands
// between them is looked for from left to right. The others run as a
// bit-parallel automaton, in one pass over the text whatever the pattern
// (Baeza-Yates and Gonnet, "A new approach to text searching", CACM 35(10),
// 1992; a wildcard is a state that may be kept).
//
// doublestar was looked at: there "/**.css" is the same as "/*.css" and "a/**"
// matches "a", neither of which CONFIG.md says, and it backtracks.
type glob struct {
	tokens []token
	exact  bool       // no wildcard at all: prefix is the text
	prefix string     // before the first wildcard
	suffix string     // after the last one
	parts  []part     // between wildcards that all cross slashes
	middle *automaton // else
}

// part is a literal in both forms in which texts come.
type part struct {
	text  string
	bytes []byte
}

// automaton matches what is between the first and the last wildcard. State k:
// k characters of the pattern have been seen.
type automaton struct {
	accept [256]uint64 // by character: the states that it leads on from
	stay   uint64      // states with a wildcard before the next character
	cross  uint64      // those where that wildcard crosses slashes
	last   uint64      // the state in which the text may end
}

// maxMiddle bounds the characters between the first and the last wildcard:
// with the states between them they fit a machine word.
const maxMiddle = 63

// token is a piece of a parsed pattern: a wildcard or a character.
type token struct {
	char  byte
	star  bool
	cross bool
}

func compileGlob(pattern string, kind globKind) (*glob, error) {
	tokens, err := parseGlob(pattern, kind)
	if err != nil {
		return nil, err
	}
	first, last := len(tokens), -1
	for i, t := range tokens {
		if t.star {
			first, last = min(first, i), i
		}
	}
	g := &glob{tokens: tokens, exact: last < 0, prefix: literal(tokens[:first])}
	if g.exact {
		return g, nil
	}
	g.suffix = literal(tokens[last+1:])
	if between := tokens[first : last+1]; allCross(between) {
		g.parts = partsOf(between)
	} else {
		g.middle, err = newAutomaton(between)
	}
	return g, err
}

func allCross(tokens []token) bool {
	for _, t := range tokens {
		if t.star && !t.cross {
			return false
		}
	}
	return true
}

// partsOf takes tokens that begin and end with a wildcard.
func partsOf(tokens []token) []part {
	var parts []part
	from := 0
	for i, t := range tokens {
		if !t.star {
			continue
		}
		if text := literal(tokens[from:i]); text != "" {
			parts = append(parts, part{text, []byte(text)})
		}
		from = i + 1
	}
	return parts
}

// catchAll reports whether every text matches that can be there: a path begins
// with a slash.
func (g *glob) catchAll(kind globKind) bool {
	return !g.exact && g.middle == nil && len(g.parts) == 0 && g.suffix == "" &&
		(g.prefix == "" || kind == pathGlob && g.prefix == "/")
}

func parseGlob(pattern string, kind globKind) ([]token, error) {
	var tokens []token
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch c {
		case '*':
			cross := kind != pathGlob
			for i+1 < len(pattern) && pattern[i+1] == '*' {
				cross = true
				i++
			}
			tokens = append(tokens, token{star: true, cross: cross})
			continue
		case '?', '[', ']', '{', '}':
			return nil, fmt.Errorf(`%q has no meaning in a glob: write "*", or %q for the character itself`, c, `\`+string(c))
		case '\\':
			if i++; i == len(pattern) {
				return nil, errors.New(`ends in "\": a character must follow`)
			}
			c = pattern[i]
		}
		if kind == foldedGlob {
			c = lower(c)
		}
		tokens = append(tokens, token{char: c})
	}
	return tokens, nil
}

func literal(tokens []token) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteByte(t.char)
	}
	return b.String()
}

// newAutomaton takes tokens that begin and end with a wildcard.
func newAutomaton(tokens []token) (*automaton, error) {
	a := new(automaton)
	state := 0
	for _, t := range tokens {
		bit := uint64(1) << state
		if t.star {
			a.stay |= bit
			if t.cross {
				a.cross |= bit
			}
			continue
		}
		if state++; state > maxMiddle {
			return nil, fmt.Errorf("more than %d characters between the first and the last wildcard", maxMiddle)
		}
		a.accept[t.char] |= bit
	}
	a.last = 1 << state
	return a, nil
}

// matches is generic so that a decoded query argument need not become a string.
func matches[T string | []byte](g *glob, text T) bool {
	if g.exact {
		return string(text) == g.prefix // does not allocate
	}
	if len(text) < len(g.prefix)+len(g.suffix) {
		return false
	}
	end := len(text) - len(g.suffix)
	if string(text[:len(g.prefix)]) != g.prefix || string(text[end:]) != g.suffix {
		return false
	}
	if g.middle != nil {
		return run(g.middle, text[len(g.prefix):end])
	}
	return inOrder(g.parts, text[len(g.prefix):end])
}

// inOrder reports whether the parts stand in the text one behind another. To
// take each as early as it comes leaves most for the others.
func inOrder[T string | []byte](parts []part, text T) bool {
	for i := range parts {
		at := index(text, &parts[i])
		if at < 0 {
			return false
		}
		text = text[at+len(parts[i].text):]
	}
	return true
}

func index[T string | []byte](text T, p *part) int {
	switch text := any(text).(type) {
	case string:
		return strings.Index(text, p.text)
	case []byte:
		return bytes.Index(text, p.bytes)
	}
	return -1
}

func run[T string | []byte](a *automaton, text T) bool {
	states := uint64(1)
	for i := range len(text) {
		c := text[i]
		stay := a.stay
		if c == '/' {
			stay = a.cross
		}
		states = states&a.accept[c]<<1 | states&stay
		if states == 0 {
			return false
		}
	}
	return states&a.last != 0
}

// appendLower appends text in lower case, as far as ASCII goes.
func appendLower(dst []byte, text string) []byte {
	for i := range len(text) {
		dst = append(dst, lower(text[i]))
	}
	return dst
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}
