package session

import (
	"strings"

	"github.com/sessiongate/sessiongate/internal/phpvar"
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
			pair = phpvar.TrimSpaceLeft(pair)
			if pair == "" || pair[0] == '=' {
				continue // not a variable for PHP, nor counted as one
			}
			if count++; count > phpvar.MaxInputVars && held != absent {
				return idOf(held, value)
			}
			key, val, _ := strings.Cut(pair, "=")
			switch phpvar.SpellingOf(key, name) {
			case phpvar.Plain:
				if held == absent { // RFC 2965: the first is the most specific
					held, value = plain, val
				}
			case phpvar.Array:
				held = array // over a string, too
			case phpvar.TooDeep:
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
	return canonical(phpvar.RawURLDecode(value))
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
