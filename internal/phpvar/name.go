package phpvar

// Spelling says how a sent name relates to the name of a variable.
type Spelling uint8

const (
	Other   Spelling = iota // another variable, or none
	Plain                   // name: a string
	Array                   // name[…]: an array
	TooDeep                 // name[][][]…, deeper than PHP allows: it deletes the variable
)

// SpellingOf reads a sent name as php_register_variable_ex does. The name of
// the variable is as PHP keeps it: with a "." or " " or "[" it is never found.
func SpellingOf[T Text](sent T, name string) Spelling {
	for len(sent) > 0 && sent[0] == ' ' {
		sent = sent[1:]
	}
	if len(sent) < len(name) || len(sent) == 0 || forged(name, sent) {
		return Other
	}
	bracket := index(sent, '[')
	switch {
	case bracket < 0:
		if foldsTo(sent, name, false) {
			return Plain
		}
	case bracket == 0:
		// An empty name, which PHP drops whatever follows.
	case !closes(sent[bracket+1:]):
		// A bracket that is never closed is a character like the dot.
		if foldsTo(sent, name, true) {
			return Plain
		}
	case foldsTo(sent[:bracket], name, false):
		if tooDeep(sent, sent[bracket+1:]) {
			return TooDeep
		}
		return Array
	}
	return Other
}

// Fold returns the name under which PHP keeps a variable sent as name, where
// that has no indices.
func Fold(name string) string {
	folded := []byte(name)
	for i := range folded {
		folded[i] = fold(folded[i], true)
	}
	return string(folded)
}

func fold(c byte, brackets bool) byte {
	if c == ' ' || c == '.' || brackets && c == '[' {
		return '_'
	}
	return c
}

func foldsTo[T Text](s T, name string, brackets bool) bool {
	if len(s) != len(name) {
		return false
	}
	for i := range len(s) {
		if fold(s[i], brackets) != name[i] {
			return false
		}
	}
	return true
}

// forged reports whether PHP drops the variable, because folding alone would
// give it the prefix of a cookie that browsers protect (CVE-2022-31629).
func forged[T, U Text](name T, sent U) bool {
	return hasPrefix(name, "__Host-") && !hasPrefix(sent, "__Host-") ||
		hasPrefix(name, "__Secure-") && !hasPrefix(sent, "__Secure-")
}

// closes reports whether the index that begins here, after its bracket, ends.
func closes[T Text](rest T) bool {
	return index(rest, ']') >= 0
}

// tooDeep reports whether the indices that begin with rest, after the first
// bracket, nest beyond PHP's limit. PHP gives up earlier, and keeps what there
// is, at an index that looks like the name of a protected cookie.
func tooDeep[T Text](sent, rest T) bool {
	for level := 1; ; level++ {
		if level > maxNesting {
			return true
		}
		end := index(rest, ']')
		if end < 0 || end+1 == len(rest) || rest[end+1] != '[' {
			return false
		}
		if level < maxNesting && closes(rest[end+2:]) && forged(rest[:end], sent) {
			return false
		}
		rest = rest[end+2:]
	}
}

func index[T Text](s T, c byte) int {
	for i := range len(s) {
		if s[i] == c {
			return i
		}
	}
	return -1
}

func hasPrefix[T Text](s T, prefix string) bool {
	return len(s) >= len(prefix) && string(s[:len(prefix)]) == prefix
}
