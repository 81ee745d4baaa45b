package listener

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// pairFiles are a certificate and its key that a test plays: one is good where
// both say the same.
type pairFiles struct {
	*testing.T
	cert, key string
}

func newPairFiles(t *testing.T) pairFiles {
	t.Helper()
	dir := t.TempDir()
	f := pairFiles{t, filepath.Join(dir, "cert"), filepath.Join(dir, "key")}
	f.write(f.cert, "one")
	f.write(f.key, "one")
	return f
}

// write replaces a file. Not all file systems tell two moments apart: the time
// is always another one.
func (f pairFiles) write(file, content string) {
	f.Helper()
	clock.Lock()
	defer clock.Unlock()
	clock.now = clock.now.Add(time.Second)
	temporary := file + ".new"
	if err := errors.Join(os.WriteFile(temporary, []byte(content), 0o600), os.Chtimes(temporary, clock.now, clock.now), os.Rename(temporary, file)); err != nil {
		f.Fatal(err)
	}
}

var clock = struct {
	sync.Mutex
	now time.Time
}{now: time.Now()}

var errMismatch = errors.New("mismatch")

func (f pairFiles) load() (tls.Certificate, error) {
	cert, err := os.ReadFile(f.cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := os.ReadFile(f.key)
	if err != nil || string(cert) != string(key) {
		return tls.Certificate{}, errors.Join(err, errMismatch)
	}
	return tls.Certificate{Certificate: [][]byte{cert}, Leaf: &x509.Certificate{NotAfter: time.Unix(int64(len(cert)), 0)}}, nil
}

func shown(t *testing.T, c *Certificate) string {
	t.Helper()
	pair, err := c.For(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(pair.Certificate[0])
}

// watch watches until the test ends, and gives what reloaded was told.
func watch(t *testing.T, c *Certificate) <-chan error {
	t.Helper()
	told := make(chan error, 10)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Watch(ctx, 10*time.Millisecond, func(err error) { told <- err })
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return told
}

func TestACertificateIsReadAgainWhenItHasChanged(t *testing.T) {
	f := newPairFiles(t)
	c, err := NewCertificate(f.cert, f.key, f.load)
	if err != nil || shown(t, c) != "one" || c.NotAfter().Unix() != 3 {
		t.Fatal(err)
	}
	f.write(f.key, "two, before anybody watches")
	f.write(f.cert, "two, before anybody watches")
	told := watch(t, c)
	if err := <-told; err != nil || shown(t, c) != "two, before anybody watches" {
		t.Errorf("%v, %s", err, shown(t, c))
	}
}

func TestABadPairLeavesTheOldOneAndIsToldOnce(t *testing.T) {
	f := newPairFiles(t)
	c, err := NewCertificate(f.cert, f.key, f.load)
	if err != nil {
		t.Fatal(err)
	}
	told := watch(t, c)
	f.write(f.cert, "two")
	if err := <-told; !errors.Is(err, errMismatch) || shown(t, c) != "one" {
		t.Errorf("%v, %s", err, shown(t, c))
	}
	if err := os.Remove(f.key); err != nil {
		t.Fatal(err)
	}
	if err := <-told; !errors.Is(err, os.ErrNotExist) || shown(t, c) != "one" {
		t.Errorf("%v, %s", err, shown(t, c))
	}
	f.write(f.key, "two")
	if err := <-told; err != nil || shown(t, c) != "two" {
		t.Errorf("%v, %s", err, shown(t, c))
	}
	if len(told) != 0 {
		t.Errorf("told too often: %v", <-told)
	}
}

func TestACertificateThatCannotBeReadIsNone(t *testing.T) {
	f := newPairFiles(t)
	f.write(f.cert, "two")
	if _, err := NewCertificate(f.cert, f.key, f.load); !errors.Is(err, errMismatch) {
		t.Error(err)
	}
}

// Kubernetes renames a link to a folder.
func TestALinkThatIsMovedIsAChange(t *testing.T) {
	dir := t.TempDir()
	f := pairFiles{t, filepath.Join(dir, "now", "cert"), filepath.Join(dir, "now", "key")}
	for _, name := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		f.write(filepath.Join(dir, name, "cert"), name)
		f.write(filepath.Join(dir, name, "key"), name)
	}
	if err := os.Symlink("one", filepath.Join(dir, "now")); err != nil {
		t.Fatal(err)
	}
	c, err := NewCertificate(f.cert, f.key, f.load)
	if err != nil {
		t.Fatal(err)
	}
	told := watch(t, c)
	if err := errors.Join(os.Symlink("two", filepath.Join(dir, "next")), os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "now"))); err != nil {
		t.Fatal(err)
	}
	if err := <-told; err != nil || shown(t, c) != "two" {
		t.Errorf("%v, %s", err, shown(t, c))
	}
}
