package config

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxQuoted is how much of a value is repeated in a message, in bytes.
const maxQuoted = 80

// quote repeats what the operator wrote, with what a terminal would not show
// escaped and what is too long cut off.
func quote(text string) string {
	if len(text) <= maxQuoted {
		return strconv.Quote(text)
	}
	cut := maxQuoted
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strconv.Quote(text[:cut]) + "…"
}

// clip cuts off what is too long to repeat.
func clip(text string) string {
	if len(text) <= maxQuoted {
		return text
	}
	return strings.ToValidUTF8(text[:maxQuoted], "") + "…"
}
