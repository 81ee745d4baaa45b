package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// rootCase warns of a document root in which names have no case: rules, which
// tell /ADMIN.php from /admin.php, would be passed there.
func (i *inspection) rootCase(path, root string) {
	dir, err := os.Open(root)
	if err != nil {
		return // said already
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(64) // what can be read is enough
	lstat := func(name string) (fs.FileInfo, error) { return os.Lstat(filepath.Join(root, name)) }
	if ignoresCase(names, lstat) {
		i.warn(path, "%s is on a file system that ignores case: /ADMIN.php runs admin.php there, past a rule for /admin.php; write such rules as path_regex: [\"(?i)/admin\\\\.php\"]", root)
	}
}

// ignoresCase tells whether one of the names of a folder leads to the same file
// in another case.
func ignoresCase(names []string, lstat func(name string) (fs.FileInfo, error)) bool {
	for _, name := range names {
		other := strings.ToUpper(name)
		if other == name {
			other = strings.ToLower(name)
		}
		if other == name || slices.Contains(names, other) {
			continue // has no case, or both are there
		}
		one, err := lstat(name)
		if err != nil {
			continue
		}
		two, err := lstat(other)
		return err == nil && os.SameFile(one, two)
	}
	return false
}
