package limiter

import "strings"

// A name stands in header fields, and in keys of Redis: there braces would choose
// the place in a cluster.
const nameForm = "it has to be 1 to 128 letters of printable ASCII, without braces"

func validName(name string) bool {
	for _, c := range []byte(name) {
		if c < ' ' || c > '~' || c == '{' || c == '}' {
			return false
		}
	}
	return name != "" && len(name) <= 128
}

// A word has no colon, so that it can be told from the name before it in keys.
const wordForm = "it has to be 1 to 32 of a to z, 0 to 9, _ and -"

func validWord(word string) bool {
	return word != "" && len(word) <= 32 && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}
