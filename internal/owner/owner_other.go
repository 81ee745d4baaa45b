//go:build !unix

package owner

import "os"

// Of says what the mode of path is.
func Of(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return err.Error()
	}
	return "it has the mode " + info.Mode().String()
}

// Me is the user that this process runs as.
func Me() string { return "this user" }
