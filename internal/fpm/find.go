package fpm

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// ErrNotInstalled is returned by Find where the machine has no php-fpm.
var ErrNotInstalled = errors.New("php-fpm is not installed: no php-fpm, php-fpm8.x or php-fpm7.x in PATH, /usr/local/sbin, /usr/sbin, /sbin or /usr/local/php*/sbin")

// Find returns the newest php-fpm of this machine. Distributions put it in
// sbin folders, which are seldom in an ordinary user's PATH.
func Find() (string, error) {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	dirs = append(dirs, "/usr/local/sbin", "/usr/sbin", "/sbin")
	own, _ := filepath.Glob("/usr/local/php*/sbin")
	return findIn(append(dirs, own...))
}

// candidate is an executable php-fpm; version is 0.0 where no name tells it.
type candidate struct {
	path         string
	major, minor int
}

func findIn(dirs []string) (string, error) {
	var found []candidate
	for _, dir := range dirs {
		if !filepath.IsAbs(dir) {
			continue // a relative PATH entry would make the result depend on the working directory
		}
		paths, _ := filepath.Glob(filepath.Join(dir, "php-fpm*"))
		for _, path := range paths {
			if c, ok := inspect(path); ok {
				found = append(found, c)
			}
		}
	}
	if len(found) == 0 {
		return "", ErrNotInstalled
	}
	newest := slices.MaxFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.major, b.major), cmp.Compare(a.minor, b.minor))
	})
	return newest.path, nil
}

var (
	// php-fpm (upstream), php-fpm8.2 (Debian), php-fpm82 (Alpine).
	baseName = regexp.MustCompile(`^php-fpm(?:([0-9])\.?([0-9]+))?$`)
	// /usr/local/php8.3/sbin, /usr/local/php83/sbin.
	folderName = regexp.MustCompile(`/php([0-9])\.?([0-9]+)/`)
)

func inspect(path string) (candidate, bool) {
	m := baseName.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return candidate{}, false
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return candidate{}, false
	}
	if m[1] == "" {
		if inFolder := folderName.FindStringSubmatch(path); inFolder != nil {
			m = inFolder
		}
	}
	c := candidate{path: path}
	c.major, _ = strconv.Atoi(m[1]) // "" is version 0: anything with a version is preferred
	c.minor, _ = strconv.Atoi(m[2])
	return c, true
}
