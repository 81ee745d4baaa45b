package config

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/sessiongate/sessiongate/internal/owner"
)

// unreadable says why a file cannot be opened, in words that name the way
// out. A file that may not be read is named with its owner and mode.
func unreadable(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be opened by %s; %s", path, owner.Me(), owner.Of(path))
	}
	return fmt.Errorf("%s cannot be read: %w", path, plainCause(err))
}
