package fastcgi

import (
	"fmt"
	"path"
	"strings"

	"github.com/sessiongate/sessiongate/internal/docroot"
)

// ScriptMode says which script answers for a path.
type ScriptMode string

const (
	// ScriptFront always runs the index script. It needs no view of the files.
	ScriptFront ScriptMode = "front"
	// ScriptTry runs the .php file that the path names, else index.php of the
	// folder that it names, else the index script.
	ScriptTry ScriptMode = "try"
	// ScriptPath runs the .php file that the path names, else nothing: ErrNoScript.
	ScriptPath ScriptMode = "path"
)

// Script is what runs, as URL paths below the root.
type Script struct {
	Name     string // "/index.php"
	PathInfo string // "/a/b" behind the script's name; "" where there is none
	Folder   bool   // the path is the script's folder, without the slash at its end
}

// Resolver finds the script for a URL path.
//
// A path is read plainly: the name ends at a ".php", compared byte by byte,
// that is followed by "/" or the end, and is a regular file below the root. The
// first such place counts. Cleverer readings failed other servers (CVE-2019-11043,
// Unicode case folding).
//
// Paths that could be read in two ways name no file, so that they go to the
// index script (try) or nowhere (path): with a ".." segment, an encoded slash
// or backslash, a control character, or a backslash. Nor do hidden files and
// what lies in hidden folders (".git/x.php"). Doubled slashes and "." segments
// are taken out of a script's name, not of PATH_INFO. Folders to which visitors
// upload are not known here: a rule with action: reject closes them.
type Resolver struct {
	mode  ScriptMode
	index string
	files *docroot.Root // nil with ScriptFront
}

// NewResolver checks the settings and, for try and path, opens localRoot, the
// document root as the gate sees it. index is the index script's URL path; ""
// is "/index.php".
func NewResolver(mode ScriptMode, index, localDir string) (*Resolver, error) {
	if index == "" {
		index = "/index.php"
	}
	if path.Clean(index) != index || index[0] != '/' || !strings.HasSuffix(index, ".php") {
		return nil, fmt.Errorf("fastcgi: index script %q: want a path such as /index.php", index)
	}
	r := &Resolver{mode: mode, index: index}
	switch mode {
	case ScriptFront:
		return r, nil
	case ScriptTry, ScriptPath:
	default:
		return nil, fmt.Errorf("fastcgi: script %q: want front, try or path", mode)
	}
	if localDir == "" {
		return nil, fmt.Errorf("fastcgi: script %s needs local_root, the document root as the gate sees it", mode)
	}
	files, err := docroot.Open(localDir)
	if err != nil {
		return nil, err
	}
	r.files = files
	return r, nil
}

// Close gives the local root back.
func (r *Resolver) Close() error {
	if r.files == nil {
		return nil
	}
	return r.files.Close()
}

// Resolve finds the script for a decoded URL path; escaped is the same path as
// it was sent. Errors: ErrNoScript, and a local root that cannot be read.
func (r *Resolver) Resolve(decoded, escaped string) (Script, error) {
	plain := docroot.Plain(decoded, escaped)
	if r.mode == ScriptFront {
		return r.front(decoded, plain), nil
	}
	if plain {
		script, found, err := r.lookUp(decoded)
		if found || err != nil {
			return script, err
		}
	}
	if r.mode == ScriptPath {
		return Script{}, ErrNoScript
	}
	return Script{Name: r.index}, nil
}

func (r *Resolver) front(decoded string, plain bool) Script {
	script := Script{Name: r.index}
	if info, ok := strings.CutPrefix(decoded, r.index); ok && plain && strings.HasPrefix(info, "/") {
		script.PathInfo = info
	}
	return script
}

// maxCandidates bounds the places in a path that are looked at: each costs a
// look at the disk, and rules a look at what is before it (internal/rules has the
// same bound). A path of 60 KB has room for thousands.
const maxCandidates = 4

// lookUp finds the file that the path names.
func (r *Resolver) lookUp(decoded string) (Script, bool, error) {
	view, err := r.files.View()
	if err != nil {
		return Script{}, false, err
	}
	defer view.Done()
	for at, looks := 0, 0; looks < maxCandidates; looks++ {
		i := strings.Index(decoded[at:], ".php")
		if i < 0 {
			break
		}
		at += i + len(".php")
		if at < len(decoded) && decoded[at] != '/' {
			continue
		}
		if name := path.Clean(decoded[:at]); !docroot.Hidden(name) && view.IsFile(name) {
			return Script{Name: name, PathInfo: decoded[at:]}, true, nil
		}
	}
	if r.mode != ScriptTry {
		return Script{}, false, nil
	}
	name := path.Join(decoded, "index.php")
	if !docroot.Hidden(name) && view.IsFile(name) {
		return Script{Name: name, Folder: !strings.HasSuffix(decoded, "/")}, true, nil
	}
	return Script{}, false, nil
}
