package app

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"

	"github.com/sessiongate/sessiongate/internal/config"
)

// startFile is one that is read at the start only. What stood in it is kept as a
// hash: it may be a secret.
type startFile struct {
	key, path string
	hash      [sha256.Size]byte
}

type startFiles []startFile

// filesOfStart reads the files that a running gate does not read again. The
// certificate of server.tls is none: it is followed.
func filesOfStart(c *config.Config) (startFiles, error) {
	var files startFiles
	add := func(key, path string) error {
		if path == "" {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		files = append(files, startFile{key: key, path: path, hash: sha256.Sum256(content)})
		return nil
	}
	err := add("session.key_file", c.Session.KeyFile)
	if c.UsesRedis() {
		r := c.Redis
		err = errors.Join(err, add("redis.password_file", r.PasswordFile), add("redis.sentinel_password_file", r.SentinelPasswordFile),
			add("redis.tls.ca_file", r.TLS.CAFile), add("redis.tls.cert_file", r.TLS.CertFile), add("redis.tls.key_file", r.TLS.KeyFile))
	}
	return files, err
}

// changed names the keys of files in which something else stands by now.
func (f startFiles) changed(now startFiles) (keys []string) {
	for _, before := range f {
		for _, one := range now {
			if one.key == before.key && one.hash != before.hash {
				keys = append(keys, one.key+" (what stands in the file)")
			}
		}
	}
	return keys
}
