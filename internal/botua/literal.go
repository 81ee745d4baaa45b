package botua

import (
	"regexp/syntax"
	"slices"
	"unicode"
)

// literal is a text to be looked for, perhaps only at an end of the user agent.
type literal struct {
	text           string
	atStart, atEnd bool
}

const (
	// maxLiterals bounds what one expression is written out to.
	maxLiterals = 64
	// minLiteral is what the index needs of a text.
	minLiteral = 3
)

// needed returns literals of which every match of an expression contains one.
// exact: containing one of them is all that the expression asks for. nil: there
// are no such literals, or none that are long enough.
func needed(re *syntax.Regexp) (list []literal, exact bool) {
	if list, ok := writtenOut(re); ok && longEnough(list) {
		return list, true
	}
	switch re.Op {
	case syntax.OpCapture, syntax.OpPlus:
		list, _ = needed(re.Sub[0])
	case syntax.OpConcat:
		list = neededOfConcat(re.Sub)
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			some, _ := needed(sub)
			if some == nil {
				return nil, false
			}
			list = append(list, some...)
		}
	default:
	}
	return list, false
}

// neededOfConcat takes the run of parts that can be written out whose literals
// are longest: they occur least often by chance.
func neededOfConcat(parts []*syntax.Regexp) []literal {
	var best []literal
	for from := range parts {
		for to := from + 1; to <= len(parts); to++ {
			list, ok := writtenOut(&syntax.Regexp{Op: syntax.OpConcat, Sub: parts[from:to]})
			if !ok {
				break
			}
			if longEnough(list) && shortest(list) > shortest(best) {
				best = list
			}
		}
	}
	return best
}

// writtenOut lists the texts that an expression stands for, if they are few.
func writtenOut(re *syntax.Regexp) ([]literal, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return []literal{{}}, true
	case syntax.OpBeginText:
		return []literal{{atStart: true}}, true
	case syntax.OpEndText:
		return []literal{{atEnd: true}}, true
	case syntax.OpLiteral:
		return ofRunes(re.Rune, re.Flags&syntax.FoldCase != 0)
	case syntax.OpCharClass:
		return ofClass(re.Rune)
	case syntax.OpCapture:
		return writtenOut(re.Sub[0])
	case syntax.OpQuest:
		list, ok := writtenOut(re.Sub[0])
		return append(list, literal{}), ok
	case syntax.OpConcat:
		list, ok := []literal{{}}, true
		for i := 0; ok && i < len(re.Sub); i++ {
			var next []literal
			if next, ok = writtenOut(re.Sub[i]); ok {
				list, ok = joined(list, next)
			}
		}
		return list, ok
	case syntax.OpAlternate:
		var list []literal
		for _, sub := range re.Sub {
			some, ok := writtenOut(sub)
			if list = append(list, some...); !ok || len(list) > maxLiterals {
				return nil, false
			}
		}
		return list, true
	default:
		return nil, false
	}
}

func ofRunes(runes []rune, fold bool) ([]literal, bool) {
	list := []literal{{}}
	for _, r := range runes {
		same := []literal{{text: string(r)}}
		for other := unicode.SimpleFold(r); fold && other != r; other = unicode.SimpleFold(other) {
			same = append(same, literal{text: string(other)})
		}
		var ok bool
		if list, ok = joined(list, same); !ok {
			return nil, false
		}
	}
	return list, true
}

func ofClass(ranges []rune) ([]literal, bool) {
	var list []literal
	for i := 0; i < len(ranges); i += 2 {
		if int(ranges[i+1]-ranges[i]) >= maxLiterals {
			return nil, false
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			list = append(list, literal{text: string(r)})
		}
	}
	return list, len(list) <= maxLiterals
}

// joined puts each of the second behind each of the first. What cannot be, as
// text before the start, is left out.
func joined(first, second []literal) ([]literal, bool) {
	var list []literal
	for _, a := range first {
		for _, b := range second {
			if a.atEnd && b.text != "" || b.atStart && a.text != "" {
				continue
			}
			list = append(list, literal{text: a.text + b.text, atStart: a.atStart || b.atStart, atEnd: a.atEnd || b.atEnd})
		}
	}
	return list, len(list) <= maxLiterals
}

func longEnough(list []literal) bool { return shortest(list) >= minLiteral }

func shortest(list []literal) int {
	if len(list) == 0 {
		return 0
	}
	return len(slices.MinFunc(list, func(a, b literal) int { return len(a.text) - len(b.text) }).text)
}
