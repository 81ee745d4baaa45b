package rules

import (
	"bytes"
	"errors"
	"strings"

	"github.com/sessiongate/sessiongate/internal/phpvar"
)

// Paths that have no normal form: the gate answers 400.
var (
	ErrPathEscape   = errors.New(`path: "%" must be followed by two hexadecimal digits`)
	ErrPathNUL      = errors.New("path: a NUL byte is not allowed")
	ErrPathRelative = errors.New(`path: must begin with "/"`)
)

// NormalizePath returns the one spelling of a path that rules see.
//
// The escaped path is decoded once. Then, so that %2e and %2f count, repeated
// slashes become one and "." and ".." segments are resolved, never above the
// root; a slash at the end stays. A leading indexScript is taken out: with
// "/index.php", "/index.php/a" becomes "/a" and "/index.php" becomes "/"; with
// "/shop/index.php" the folder stays. "" takes nothing out. An empty path is
// the root.
//
// A backslash is a character like any other, as it is to PHP and to file
// systems wherever PHP-FPM runs. Case is kept. A path that is normal already is
// returned as it is, without allocation.
func NormalizePath(escapedPath, indexScript string) (string, error) {
	if escapedPath == "" {
		return "/", nil
	}
	if escapedPath[0] != '/' {
		return "", ErrPathRelative
	}
	path := escapedPath
	if strings.IndexByte(path, '%') >= 0 {
		var err error
		if path, err = unescape(path); err != nil {
			return "", err
		}
	}
	if strings.IndexByte(path, 0) >= 0 {
		return "", ErrPathNUL
	}
	if !isClean(path) {
		path = clean(path)
	}
	return withoutScript(path, indexScript), nil
}

// UnresolvedPath returns a path as NormalizePath does, but with its "." and ".."
// segments in their places; "" where it has none, or no normal form.
func UnresolvedPath(escapedPath, indexScript string) string {
	if !strings.Contains(escapedPath, "/.") && !strings.Contains(escapedPath, "%") {
		return ""
	}
	path, err := unescape(escapedPath)
	if err != nil {
		return ""
	}
	merged, dots := make([]byte, 0, len(path)), false
	for segment := range strings.SplitAfterSeq(path, "/") {
		if segment == "/" && len(merged) > 0 {
			continue // repeated
		}
		name := strings.TrimSuffix(segment, "/")
		dots = dots || name == "." || name == ".."
		merged = append(merged, segment...)
	}
	if !dots {
		return ""
	}
	return withoutScript(string(merged), indexScript)
}

func unescape(s string) (string, error) {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			var ok bool
			if c, ok = phpvar.Escape(s[i:]); !ok {
				return "", ErrPathEscape
			}
			i += 2
		}
		b = append(b, c)
	}
	return string(b), nil
}

// isClean reports whether clean would change nothing. A dot segment is "." or
// ".." up to the next slash or the end.
func isClean(path string) bool {
	for i := 1; i < len(path); i++ {
		if path[i-1] != '/' {
			continue
		}
		if path[i] == '/' {
			return false
		}
		segment, _, _ := strings.Cut(path[i:min(len(path), i+3)], "/")
		if segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// clean rewrites a path segment by segment. Between segments out ends in a
// slash.
func clean(path string) string {
	out := make([]byte, 1, len(path))
	out[0] = '/'
	for rest := path; rest != ""; {
		segment, after, more := strings.Cut(rest, "/")
		rest = after
		switch segment {
		case "", ".":
			continue
		case "..":
			parent := bytes.LastIndexByte(out[:len(out)-1], '/')
			out = out[:max(parent, 0)+1]
			continue
		}
		out = append(out, segment...)
		if more {
			out = append(out, '/')
		}
	}
	return string(out)
}

// withoutScript takes the script's name out as often as it leads the path, so
// that a path once normalised stays as it is.
func withoutScript(path, script string) string {
	slash := strings.LastIndexByte(script, '/')
	if slash < 0 || slash == len(script)-1 {
		return path // names no file
	}
	folder, name := script[:slash], script[slash:]
	inFolder, ok := strings.CutPrefix(path, folder)
	if !ok {
		return path
	}
	rest := inFolder
	for {
		after, found := strings.CutPrefix(rest, name)
		if !found || after != "" && after[0] != '/' {
			break
		}
		if rest = after; rest == "" {
			rest = "/"
		}
	}
	if len(rest) == len(inFolder) {
		return path
	}
	return folder + rest
}
