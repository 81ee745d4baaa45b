package config

import (
	"strconv"
	"strings"
)

// joinKey appends a key to a path. A key that could be mistaken for a path
// stands in quotes.
func joinKey(path, key string) string {
	if !isPlainKey(key) {
		key = quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// joinIndex appends a position in a list to a path.
func joinIndex(path string, index int) string {
	return path + "[" + strconv.Itoa(index) + "]"
}

// parentPath drops the last key or position of a path.
func parentPath(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// isWithin tells whether path is the other path or below it.
func isWithin(path, above string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

func isPlainKey(key string) bool {
	if key == "" || len(key) > maxQuoted {
		return false
	}
	for _, c := range []byte(key) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && !(c >= '0' && c <= '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
