package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The layers a value can come from, in the order in which errors are listed.
const (
	layerFile = iota
	layerEnvironment
	layerFlag
	layerDefault
)

// origin is where a value was set.
type origin struct {
	layer int
	line  int    // layerFile: from 1; 0 where the file as a whole is meant
	name  string // layerEnvironment, layerFlag: of the variable or the flag
}

// report gathers the mistakes of one Load, and knows where each key was set.
type report struct {
	file    string
	origins map[string]origin // by path, as far as somebody said it
	broken  []string          // paths whose value could not be read: nothing follows from what stands there
	errors  Errors
}

func newReport(file string) *report {
	return &report{file: file, origins: map[string]origin{}}
}

// unreadable reports a value that is not taken over.
func (r *report) unreadable(from origin, path, message string, args ...any) {
	r.broken = append(r.broken, path)
	r.add(from, path, message, args...)
}

// refuse reports a value that was read and is not allowed. What follows from
// an unreadable value is not reported: neither for the path itself nor for
// the others that the complaint rests on.
func (r *report) refuse(path string, restsOn []string, message string, args ...any) {
	if r.isBroken(path) {
		return
	}
	for _, other := range restsOn {
		if r.isBroken(other) {
			return
		}
	}
	from := r.origin(path)
	for _, other := range restsOn {
		if from.layer == layerDefault {
			from = r.origin(other)
		}
	}
	r.add(from, path, message, args...)
}

// refuseAll takes over what another package found. Each of its errors begins
// with the path of a key. What has been refused here already is enough.
func (r *report) refuseAll(err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			r.refuseAll(one)
		}
		return
	}
	path, message, ok := strings.Cut(err.Error(), ": ")
	if !ok {
		path, message = "", err.Error()
	}
	var rests interface{ RestsOn() []string } // says the keys without which it would be no mistake
	var restsOn []string
	if errors.As(err, &rests) {
		restsOn = rests.RestsOn()
	}
	if !slices.ContainsFunc(r.errors, func(e *Error) bool { return e.Path == path }) {
		r.refuse(path, restsOn, "%s", message)
	}
}

func (r *report) add(from origin, path, message string, args ...any) {
	r.errors = append(r.errors, &Error{
		Source:  r.source(from),
		Path:    path,
		Message: fmt.Sprintf(message, args...),
		order:   from,
	})
}

func (r *report) source(from origin) string {
	switch {
	case from.layer == layerDefault:
		return ""
	case from.layer != layerFile:
		return from.name
	case from.line > 0:
		return r.file + ":" + strconv.Itoa(from.line)
	}
	return r.file
}

// origin finds where a path was set, or else the nearest path above it.
func (r *report) origin(path string) origin {
	for path != "" {
		if found, ok := r.origins[path]; ok {
			return found
		}
		path = parentPath(path)
	}
	return origin{layer: layerDefault}
}

// says tells whether somebody set a key, or one below it.
func (r *report) says(path string) bool {
	for said := range r.origins {
		if isWithin(said, path) {
			return true
		}
	}
	return false
}

// isBroken tells whether the value at the path, above it or within it could
// not be read.
func (r *report) isBroken(path string) bool {
	for _, broken := range r.broken {
		if broken == "" || isWithin(path, broken) || isWithin(broken, path) {
			return true
		}
	}
	return false
}

// err returns all mistakes, or nil.
func (r *report) err() error {
	if len(r.errors) == 0 {
		return nil
	}
	r.errors.sort()
	return r.errors
}
