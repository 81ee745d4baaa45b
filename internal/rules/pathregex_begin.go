package rules

import "regexp/syntax"

// mayBeginPath says whether some text that an expression matches begins with "/",
// as every path does. It goes by the first character alone, and holds each
// condition on the place for fulfilled: what it denies matches no path.
func mayBeginPath(re *syntax.Regexp) bool {
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return true // compilePathRegex says what is wrong
	}
	seen := make([]bool, len(prog.Inst))
	next := []uint32{uint32(prog.Start)}
	for len(next) > 0 {
		at := next[len(next)-1]
		next = next[:len(next)-1]
		if seen[at] {
			continue
		}
		seen[at] = true
		switch inst := &prog.Inst[at]; inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			next = append(next, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstEmptyWidth, syntax.InstNop:
			next = append(next, inst.Out)
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if inst.MatchRune('/') {
				return true
			}
		case syntax.InstMatch, syntax.InstFail: // of the empty text; of none
		}
	}
	return false
}
