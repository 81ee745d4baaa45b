package proxy

import (
	"slices"
	"strings"

	"github.com/sessiongate/sessiongate/internal/rules"
)

// readPath says how the path reads: to the first upstream, and to others that have
// another index script, where they take it for another path. Which upstream it
// will be is known only when a rule has matched.
func (x *exchange) readPath() (first rules.Reading, others []rules.Reading, err error) {
	escaped, scripts := x.r.URL.EscapedPath(), x.setup.indexScripts
	first, err = x.readBehind(escaped, scripts[0])
	if err != nil {
		return first, nil, err
	}
	for _, script := range scripts[1:] {
		other, _ := x.readBehind(escaped, script) // what is wrong with a path is so for all
		if other != first && !slices.Contains(others, other) {
			others = append(others, other)
		}
	}
	return first, others, nil
}

// readBehind reads the path without an index script. Behind that, what looks like
// a script is only PATH_INFO.
func (x *exchange) readBehind(escaped, indexScript string) (rules.Reading, error) {
	path, err := rules.NormalizePath(escaped, indexScript)
	if err != nil {
		return rules.Reading{}, err
	}
	front := false
	if strings.Contains(path, ".php/") {
		whole, _ := rules.NormalizePath(escaped, "")
		front = whole != path
	}
	return rules.Reading{Path: path, AsSent: rules.UnresolvedPath(escaped, indexScript), PathInfo: x.setup.pathInfo && !front}, nil
}

// indexScripts are those of all upstreams, once each, that of the first one first.
func indexScripts(upstreams []*Upstream) []string {
	var scripts []string
	for _, u := range upstreams {
		if !slices.Contains(scripts, u.IndexScript) {
			scripts = append(scripts, u.IndexScript)
		}
	}
	return scripts
}
