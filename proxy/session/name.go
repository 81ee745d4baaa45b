package session

import "strings"

// spelling says how the name of a sent cookie relates to the session's name.
type spelling uint8

const (
	spelledOtherwise spelling = iota
	spelledPlain              // sets it to a string
	spelledArray              // sets it to an array: name[…]
	spelledTooDeep            // name[][][]…, deeper than PHP allows: unsets it
)

// spellingOf reads the name of a cookie, without leading white space, as
// php_register_variable_ex does.
func spellingOf(sent, name string) spelling {
	if sent == name && !strings.ContainsAny(name, " .[") {
		return spelledPlain
	}
	if forged(name, sent) {
		return spelledOtherwise
	}
	base, rest, bracket := strings.Cut(sent, "[")
	switch {
	case !bracket:
		if foldsTo(sent, name, false) {
			return spelledPlain
		}
	case !closes(rest):
		// A bracket that is never closed is a character like the dot.
		if foldsTo(sent, name, true) {
			return spelledPlain
		}
	case base != "" && foldsTo(base, name, false):
		if tooDeep(sent, rest) {
			return spelledTooDeep
		}
		return spelledArray
	}
	return spelledOtherwise
}

// foldsTo reports whether PHP registers a variable sent as s under name.
func foldsTo(s, name string, brackets bool) bool {
	if len(s) != len(name) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c == ' ' || c == '.' || brackets && c == '[' {
			c = '_'
		}
		if c != name[i] {
			return false
		}
	}
	return true
}

// forged reports whether PHP drops the variable, because folding alone would
// give it the prefix of a cookie that browsers protect (CVE-2022-31629).
func forged(name, sent string) bool {
	for _, prefix := range [...]string{"__Host-", "__Secure-"} {
		if strings.HasPrefix(name, prefix) && !strings.HasPrefix(sent, prefix) {
			return true
		}
	}
	return false
}

// closes reports whether the index that begins here, after its bracket, ends.
func closes(rest string) bool {
	_, _, ok := cutIndex(rest)
	return ok
}

// cutIndex splits "key]more" after "[". One leading space does not count when
// the key is empty.
func cutIndex(rest string) (key, more string, ok bool) {
	if len(rest) > 1 && isSpace(rest[0]) && rest[1] == ']' {
		return "", rest[2:], true
	}
	return strings.Cut(rest, "]")
}

// tooDeep reports whether the indices that begin with rest, after the first
// bracket, nest beyond PHP's limit. PHP gives up earlier, and keeps what there
// is, at an index that looks like the name of a protected cookie.
func tooDeep(sent, rest string) bool {
	for level := 1; ; level++ {
		if level > maxNesting {
			return true
		}
		key, more, ok := cutIndex(rest)
		if !ok || more == "" || more[0] != '[' {
			return false
		}
		if level < maxNesting && forged(key, sent) {
			return false
		}
		rest = more[1:]
	}
}
