package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// minSecret is the least length of a secret, in bytes. Shorter ones can be
// found by trying.
const minSecret = 16

// Secret is a value that is never printed. It comes from the environment; in
// the file stands the name of a file that holds it.
type Secret string

// String hides the secret from every log and message.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[secret]"
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// HashKey returns the secret for hashing session ids, nil where none is
// configured. The file is read at each call.
func (s Session) HashKey() ([]byte, error) {
	return readSecret("session.key_file", s.Key, s.KeyFile)
}

// BearerToken returns the token of the admin listener, nil where none is
// configured. The file is read at each call.
func (a Admin) BearerToken() ([]byte, error) {
	return readSecret("admin.token_file", a.Token, a.TokenFile)
}

// readSecret takes the secret from the environment or else from its file,
// without the line end that editors leave there.
func readSecret(path string, direct Secret, file string) ([]byte, error) {
	if direct != "" {
		return []byte(direct), nil
	}
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, unreadable(file, err))
	}
	content = bytes.TrimRight(content, "\r\n")
	if err := checkSecret(len(content)); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", path, file, err)
	}
	return content, nil
}

func checkSecret(length int) error {
	if length == 0 {
		return errors.New("is empty; write a random secret into it, as of `openssl rand -hex 32`")
	}
	if length < minSecret {
		return fmt.Errorf("holds %d bytes; a secret has at least %d", length, minSecret)
	}
	return nil
}
