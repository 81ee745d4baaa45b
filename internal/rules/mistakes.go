package rules

import (
	"net/textproto"
	"strings"

	"github.com/sessiongate/sessiongate/internal/phpvar"
)

func hostMistake(pattern string) string {
	switch {
	case pattern == "":
		return `matches no request; a name such as "*.example.com" is meant`
	case strings.Count(pattern, ":") == 1:
		return "matches no request: hosts are matched without their port"
	case strings.ContainsAny(pattern, "/ "):
		return "matches no request: a host has no slash and no space"
	}
	return ""
}

// pathMistake finds patterns that no normalised path can match.
func pathMistake(pattern string) string {
	switch {
	case pattern == "" || pattern[0] != '/' && pattern[0] != '*':
		return `matches no request: a path begins with "/"`
	case strings.Contains(pattern, "//"):
		return "matches no request: repeated slashes are made one before rules are asked"
	case strings.Contains(pattern+"/", "/./"), strings.Contains(pattern+"/", "/../"):
		return `matches no request: "." and ".." are resolved before rules are asked`
	case hasEscape(pattern):
		return `is percent-encoded: paths are decoded before rules are asked; write the character itself, or "\%" for a percent sign`
	}
	return ""
}

func hasEscape(pattern string) bool {
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '%':
			if _, ok := phpvar.Escape(pattern[i:]); ok {
				return true
			}
		}
	}
	return false
}

// headerMistake finds names that no header has.
func headerMistake(name string) string {
	switch {
	case name == "":
		return "names no header; one such as X-Requested-With is meant"
	case textproto.CanonicalMIMEHeaderKey(name) == "Host":
		return "is matched by match.host, without its port and in any case"
	}
	return ""
}

func argumentMistake(name string) string {
	switch {
	case strings.Trim(name, " ") == "" || name[0] == ' ':
		return "names no argument: PHP drops spaces before a name"
	case strings.ContainsAny(name, "=&[]\x00"):
		return `names no argument: "=", "&" and brackets cannot stand in a name; an array is named without its brackets`
	}
	return ""
}
