package spool

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	poison = true
	goleak.VerifyTestMain(m)
}

// openPool opens a Pool in a folder of the test's own, and checks at the end
// that nothing is held, no file is open and no name is left in the folder.
func openPool(t testing.TB, l Limits) *Pool {
	t.Helper()
	dir := t.TempDir()
	p, err := Open(dir, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { checkNothingHeld(t, p) })
	return p
}

func checkNothingHeld(t testing.TB, p *Pool) {
	t.Helper()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if n := p.shares.count(); n != 0 {
		t.Errorf("%d clients are still known", n)
	}
	if names, err := os.ReadDir(p.Dir()); err != nil || len(names) > 0 {
		t.Errorf("folder of the spool holds %v, %v: want nothing", names, err)
	}
	if open := openFilesIn(t, p.Dir()); len(open) > 0 {
		t.Errorf("still open: %v", open)
	}
}

// openFilesIn lists this process's open files below dir, unlinked ones too.
func openFilesIn(t testing.TB, dir string) []string {
	t.Helper()
	if runtime.GOOS != "linux" {
		return nil // no other system lists them in a file
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var open []string
	for _, fd := range fds {
		if name, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(name, dir+"/") {
			open = append(open, name)
		}
	}
	return open
}

// pattern is n bytes of which no two near stretches are alike.
func pattern(n int) []byte {
	b := make([]byte, n)
	x := uint32(2463534242)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}

var errBroken = iotest.ErrTimeout // some error that is not ours
