package session

import "strings"

// maxInputVars is PHP's default of max_input_vars, and maxNesting that of
// max_input_nesting_level.
const (
	maxInputVars = 1000
	maxNesting   = 64
)

// slot is what $_COOKIE holds under the session's name so far.
type slot uint8

const (
	absent slot = iota
	plain       // a string
	array       // name[…] was sent; PHP finds no id in an array
)

// idFromCookies walks the cookies as php_default_treat_data does.
func idFromCookies(lines []string, name string) (string, bool) {
	var (
		held  slot
		value string
		count int
	)
	for _, line := range lines {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			pair = trimSpaceLeft(pair)
			if pair == "" || pair[0] == '=' {
				continue // not a variable for PHP, nor counted as one
			}
			if count++; count > maxInputVars && held != absent {
				return idOf(held, value)
			}
			key, val, _ := strings.Cut(pair, "=")
			switch spellingOf(key, name) {
			case spelledPlain:
				if held == absent { // RFC 2965: the first is the most specific
					held, value = plain, val
				}
			case spelledArray:
				held = array // over a string, too
			case spelledTooDeep:
				held = absent // PHP then deletes the whole variable
			}
		}
	}
	return idOf(held, value)
}

func idOf(held slot, value string) (string, bool) {
	if held != plain {
		return "", false
	}
	return canonical(rawURLDecode(value))
}

// canonical returns the id that PHP would take from a decoded value. False:
// session_start would drop it.
func canonical(value string) (string, bool) {
	for i := range len(value) {
		switch value[i] {
		case 0:
			return value[:i], i > 0
		case '\r', '\n', '\t', ' ', '<', '>', '\'', '"', '\\':
			return "", false
		}
	}
	return value, value != ""
}

// rawURLDecode is php_raw_url_decode: a plus stays a plus, and what is no
// escape stays as it is.
func rawURLDecode(s string) string {
	first := strings.IndexByte(s, '%')
	if first < 0 {
		return s
	}
	decoded := make([]byte, 0, len(s))
	decoded = append(decoded, s[:first]...)
	for i := first; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, okHi := hexDigit(s[i+1])
			lo, okLo := hexDigit(s[i+2])
			if okHi && okLo {
				decoded = append(decoded, hi<<4|lo)
				i += 2
				continue
			}
		}
		decoded = append(decoded, s[i])
	}
	return string(decoded)
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// isSpace is isspace of the C locale.
func isSpace(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r'
}

func trimSpaceLeft(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}
