package botua

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// index finds, in one pass over a text, whether any of many patterns matches.
// Literals stand in buckets by their first three bytes; at each place of the
// text only those of one bucket are compared.
type index struct {
	needles []needle
	starts  [buckets + 1]uint16 // needles of bucket b: from starts[b] to starts[b+1]
	further []*regexp.Regexp    // the patterns that say more than a literal
}

// needle is a literal, and what else must hold for its pattern to match.
type needle struct {
	literal
	further int8 // position in index.further; -1: nothing else
}

const (
	buckets = 1 << 14
	// maxFurther bounds the patterns that are run as expressions, so that what
	// was tried fits a word.
	maxFurther = 64
)

// newIndex refuses what would cost too much on the request path: renewed data
// are to be looked at then.
func newIndex(patterns []string) (*index, error) {
	ix := &index{}
	var filled [buckets][]needle
	for _, pattern := range patterns {
		parsed, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", pattern, err)
		}
		literals, exact := needed(parsed.Simplify())
		if literals == nil {
			return nil, fmt.Errorf("pattern %q: needs no text of %d bytes and more, so every user agent would be matched against it", pattern, minLiteral)
		}
		further := int8(-1)
		if !exact {
			if len(ix.further) == maxFurther {
				return nil, fmt.Errorf("pattern %q: more than %d patterns that are no plain texts", pattern, maxFurther)
			}
			further = int8(len(ix.further))
			ix.further = append(ix.further, regexp.MustCompile(pattern))
		}
		for _, l := range literals {
			b := bucket(l.text[0], l.text[1], l.text[2])
			filled[b] = append(filled[b], needle{l, further})
		}
	}
	for b, some := range filled {
		ix.needles = append(ix.needles, some...)
		if len(ix.needles) > 1<<16-1 {
			return nil, errors.New("too many texts")
		}
		ix.starts[b+1] = uint16(len(ix.needles))
	}
	return ix, nil
}

// bucket spreads three bytes (Fibonacci hashing).
func bucket(a, b, c byte) uint32 {
	return (uint32(a) | uint32(b)<<8 | uint32(c)<<16) * 2654435769 >> 18
}

// matches reports whether any pattern matches. An expression is run once at
// most, however often what it needs is there.
func (ix *index) matches(text string) bool {
	var tried uint64
	for i := 0; i+minLiteral <= len(text); i++ {
		b := bucket(text[i], text[i+1], text[i+2])
		for n := ix.starts[b]; n < ix.starts[b+1]; n++ {
			needle := &ix.needles[n]
			if !needle.at(text, i) {
				continue
			}
			if needle.further < 0 {
				return true
			}
			bit := uint64(1) << needle.further
			if tried&bit == 0 && ix.further[needle.further].MatchString(text) {
				return true
			}
			tried |= bit
		}
	}
	return false
}

func (l *literal) at(text string, i int) bool {
	return strings.HasPrefix(text[i:], l.text) &&
		(!l.atStart || i == 0) &&
		(!l.atEnd || i+len(l.text) == len(text))
}
