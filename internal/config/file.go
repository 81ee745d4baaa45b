package config

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// maxFile bounds what is read, in bytes: the path may name a device.
const maxFile = 4 << 20

// readFile returns the content of the configuration file.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a folder, want a file", path)
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	if len(content) > maxFile {
		return nil, errors.New(path + " is larger than 4 MiB: no configuration")
	}
	return content, nil
}
