package logbuffer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessiongate/sessiongate/internal/logbuffer"
)

// reader takes what is written when it is let. It belongs to one bubble of
// synctest: the goroutines in it come to rest between its steps.
type reader struct {
	let  chan struct{} // closed: everything is taken
	fail error         // with which a write ends, when it is let
	part int           // bytes that such a write has taken before
	got  bytes.Buffer
	most int // bytes in one write
}

func (r *reader) Write(p []byte) (int, error) {
	<-r.let
	if r.fail != nil {
		n := min(r.part, len(p)-1)
		r.got.Write(p[:n])
		return n, r.fail
	}
	r.most = max(r.most, len(p))
	return r.got.Write(p)
}

func missing(out io.Writer, lines int) { fmt.Fprintf(out, "missing: %d\n", lines) }

func say(t *testing.T, w io.Writer, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if n, err := io.WriteString(w, line+"\n"); n != len(line)+1 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
}

func closeWithin(t *testing.T, w *logbuffer.Writer, d time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return w.Close(ctx)
}

func mustClose(t *testing.T, w *logbuffer.Writer) {
	t.Helper()
	if err := closeWithin(t, w, time.Second); err != nil {
		t.Error(err)
	}
}

func want(t *testing.T, r *reader, lines ...string) {
	t.Helper()
	if got := strings.Split(strings.TrimSuffix(r.got.String(), "\n"), "\n"); strings.Join(got, "|") != strings.Join(lines, "|") {
		t.Errorf("read %q, want %q", got, lines)
	}
}

func TestLinesThatHaveNoRoomAreCountedInTheirPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{let: make(chan struct{})}
		w := logbuffer.New(r, logbuffer.Options{Size: 8, Dropped: missing})
		say(t, w, "one")
		synctest.Wait() // it is being written, and is not
		say(t, w, "two", "six", "seven", "1", "2")
		if got := w.Dropped(); got != 3 {
			t.Errorf("%d were dropped, want 3", got)
		}
		close(r.let)
		synctest.Wait()
		want(t, r, "one", "two", "six", "missing: 3")
		say(t, w, "ten")
		mustClose(t, w)
		want(t, r, "one", "two", "six", "missing: 3", "ten")
		if got := w.Dropped(); got != 3 {
			t.Errorf("%d were dropped, want 3", got)
		}
	})
}

func TestTheEndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{let: make(chan struct{})}
		w := logbuffer.New(r, logbuffer.Options{Size: 100, Dropped: missing})
		say(t, w, "one")
		synctest.Wait()
		say(t, w, "two")
		if err := closeWithin(t, w, time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v: nothing can be written", err)
		}
		say(t, w, "late")
		close(r.let)
		mustClose(t, w)
		want(t, r, "one", "two", "missing: 1")
		if got := w.Dropped(); got != 1 {
			t.Errorf("%d were dropped, want the one that came late", got)
		}
	})
}

func TestLinesThatCannotBeWrittenAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{let: make(chan struct{}), fail: errors.New("no space left"), part: 6}
		close(r.let)
		w := logbuffer.New(r, logbuffer.Options{Size: 100, Dropped: missing})
		w.Write([]byte("one\ntwo\nsix\n"))
		synctest.Wait()
		r.part = 0
		say(t, w, "ten")
		synctest.Wait()
		r.fail = nil
		say(t, w, "end")
		mustClose(t, w)
		want(t, r, "one", "tw", "missing: 3", "end")
		if got := w.Dropped(); got != 3 {
			t.Errorf("%d were dropped, want 3", got)
		}
	})
}

func TestLinesAreNotCutByOthersWhoWriteToThePipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{let: make(chan struct{})}
		w := logbuffer.New(r, logbuffer.Options{Size: 1 << 20})
		say(t, w, "first")
		synctest.Wait()
		lines := []string{"first"}
		for i := range 100 {
			lines = append(lines, strings.Repeat("x", 100+i))
		}
		say(t, w, lines[1:]...)
		close(r.let)
		synctest.Wait()
		if r.most > 4096 {
			t.Errorf("%d bytes in one write", r.most)
		}
		long := strings.Repeat("y", 5000)
		say(t, w, "last", long)
		mustClose(t, w)
		want(t, r, append(lines, "last", long)...)
	})
}

// A real pipe, read all the time: what many write comes, line by line and each
// one's in its order.
func TestNothingIsLostInTheOrdinaryCase(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w := logbuffer.New(in, logbuffer.Options{Size: 1 << 20, Dropped: missing})
	const writers, each = 8, 500
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for j := range each {
				fmt.Fprintf(w, "%d %d\n", i, j)
			}
		})
	}
	read := make(chan string, 1)
	go func() {
		content, _ := io.ReadAll(out)
		read <- string(content)
	}()
	all.Wait()
	mustClose(t, w)
	in.Close()
	next := [writers]int{}
	lines := strings.Split(strings.TrimSuffix(<-read, "\n"), "\n")
	for _, line := range lines {
		var i, j int
		if _, err := fmt.Sscanf(line, "%d %d", &i, &j); err != nil || j != next[i] {
			t.Fatalf("%q, %v: want %d of %d", line, err, next[i], i)
		}
		next[i]++
	}
	if len(lines) != writers*each || w.Dropped() != 0 {
		t.Errorf("%d lines came, %d were dropped", len(lines), w.Dropped())
	}
}

// BenchmarkLine is what a line of an access log costs in all until it is in a file,
// and beside it what it costs to write each line by itself.
func BenchmarkLine(b *testing.B) {
	line := append(bytes.Repeat([]byte("x"), 349), '\n')
	file := func(b *testing.B) *os.File {
		b.Helper()
		f, err := os.CreateTemp(b.TempDir(), "log")
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { f.Close() })
		return f
	}
	b.Run("direct", func(b *testing.B) {
		f := file(b)
		b.ReportAllocs()
		for b.Loop() {
			f.Write(line)
		}
	})
	b.Run("buffered", func(b *testing.B) {
		const burst = 2000 // has room
		f := file(b)
		b.ReportAllocs()
		for left := b.N; left > 0; left -= burst {
			w := logbuffer.New(f, logbuffer.Options{Size: 1 << 20})
			for range min(left, burst) {
				w.Write(line)
			}
			if err := w.Close(context.Background()); err != nil || w.Dropped() > 0 {
				b.Fatalf("%v, %d lines were dropped", err, w.Dropped())
			}
		}
	})
}

// Nothing is under way then that would make room for what comes behind it.
func TestALineThatNeverFitsIsMissedAndTheNextIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{let: make(chan struct{})}
		close(r.let)
		w := logbuffer.New(r, logbuffer.Options{Size: 10, Dropped: missing})
		say(t, w, "longer than all there is")
		synctest.Wait()
		say(t, w, "next")
		mustClose(t, w)
		want(t, r, "missing: 1", "next")
	})
}
