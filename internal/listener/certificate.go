package listener

import (
	"context"
	"crypto/tls"
	"os"
	"sync/atomic"
	"time"
)

// Certificate is what a TLS server shows to its clients, read again when its
// files have changed. It may be used by any number of connections at once. Make
// it with NewCertificate; connections under way keep what they began with.
type Certificate struct {
	load    func() (tls.Certificate, error)
	files   [2]string
	current atomic.Pointer[tls.Certificate]
	read    stamp // of the files when they were last read; Watch's, once it runs
}

// NewCertificate reads a pair of files with load, which is called again at
// each change.
func NewCertificate(certFile, keyFile string, load func() (tls.Certificate, error)) (*Certificate, error) {
	c := &Certificate{load: load, files: [2]string{certFile, keyFile}}
	c.read = c.stamp()
	if err := c.reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// For is tls.Config's GetCertificate.
func (c *Certificate) For(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}

// NotAfter is when the certificate in use ends.
func (c *Certificate) NotAfter() time.Time { return c.current.Load().Leaf.NotAfter }

func (c *Certificate) reload() error {
	pair, err := c.load()
	if err != nil {
		return err
	}
	c.current.Store(&pair)
	return nil
}

// Watch looks at the files at each interval until ctx ends. A pair is read when
// it has stood unchanged for one interval, so that one that is just being
// written is no error; reloaded is told how it went. Symbolic links are
// followed: they are how certbot and Kubernetes put a new pair in place.
func (c *Certificate) Watch(ctx context.Context, interval time.Duration, reloaded func(error)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	last := c.read
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := c.stamp()
		if now == last && now != c.read {
			c.read = now
			reloaded(c.reload())
		}
		last = now
	}
}

// stamp tells one state of the files from another.
type stamp [2]struct {
	size     int64
	modified int64 // nanoseconds since 1970
	missing  bool
}

func (c *Certificate) stamp() stamp {
	var s stamp
	for i, file := range c.files {
		info, err := os.Stat(file)
		if err != nil {
			s[i].missing = true
			continue
		}
		s[i].size, s[i].modified = info.Size(), info.ModTime().UnixNano()
	}
	return s
}
