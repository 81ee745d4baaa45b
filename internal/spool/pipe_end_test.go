package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// gated lets one Read through for each token: the writer's steps, one by one.
type gated struct {
	src   io.Reader
	token chan struct{}
}

func (g *gated) Read(p []byte) (int, error) {
	<-g.token
	return g.src.Read(p)
}

// The reader leaves after so many reads, the writer being after so many writes:
// in its source, at a bound, or done. What is given back, and when, is the point.
func TestPipeReaderLeavesAtEveryMoment(t *testing.T) {
	const pieces = 14
	for name, l := range map[string]PipeLimits{
		"memory": {Memory: 64 << 10, MemoryOnly: true},
		"disk":   {Memory: 16 << 10},
		"full":   {Memory: 16 << 10, Max: 33_000},
	} {
		t.Run(name, func(t *testing.T) {
			pool := openPool(t, Limits{Memory: 1 << 20, Disk: 1 << 20})
			pool.Grace = 0
			for writes := range pieces + 3 {
				for reads := range pieces {
					synctest.Test(t, func(t *testing.T) { leave(t, pool, l, pieces, writes, reads) })
				}
			}
		})
	}
}

func leave(t *testing.T, pool *Pool, l PipeLimits, pieces, writes, reads int) {
	p := pool.NewPipe(l)
	src := &gated{src: &limitedReads{left: pieces, size: 4 << 10}, token: make(chan struct{}, pieces+10)}
	for range writes {
		src.token <- struct{}{}
	}
	count := make(chan int64, 1)
	go func() {
		n, err := p.Fill(t.Context(), src)
		p.CloseWrite(err)
		count <- n
	}()
	synctest.Wait()
	for range reads {
		if _, ok, _ := p.TryNext(); !ok {
			break
		}
	}
	p.CloseRead()
	p.CloseRead()
	synctest.Wait()
	where := fmt.Sprintf("after %d writes and %d reads", writes, reads)
	if u := pool.Usage(); u.Memory > largeSize || u.Disk != 0 || u.Files != 0 {
		t.Errorf("%s: held while nobody reads: %+v", where, u)
	}
	if _, err := p.Next(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("%s: Next after CloseRead: %v", where, err)
	}
	close(src.token) // the upstream goes on to its end
	if n := <-count; n != int64(pieces*4<<10) {
		t.Errorf("%s: source was read for %d bytes, not to its end", where, n)
	}
	if u := pool.Usage(); u.Memory != 0 {
		t.Errorf("%s: held at the end: %+v", where, u)
	}
}

// limitedReads gives left pieces of size bytes at most.
type limitedReads struct{ left, size int }

func (s *limitedReads) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), s.size)
	if s.size -= n; s.size == 0 {
		s.left, s.size = s.left-1, 4<<10
	}
	return n, nil
}

func TestPipeReaderLeavesWhileTheWriterIsAtABound(t *testing.T) {
	pool := openPool(t, Limits{})
	synctest.Test(t, func(t *testing.T) {
		for _, l := range []PipeLimits{{Memory: 64 << 10, MemoryOnly: true}, {Memory: 64 << 10, Max: 40_000}} {
			p := pool.NewPipe(l)
			done := filling(t.Context(), p, source(1<<20))
			time.Sleep(time.Second)
			mustNext(t, p)
			p.CloseRead()
			if err := <-done; err != nil {
				t.Errorf("%+v: Fill: %v", l, err)
			}
		}
	})
}

func TestPipeCloseWriteStopsAFill(t *testing.T) {
	pool := openPool(t, Limits{})
	synctest.Test(t, func(t *testing.T) {
		p := pool.NewPipe(PipeLimits{Memory: 64 << 10, MemoryOnly: true})
		done := filling(t.Context(), p, source(1<<20))
		time.Sleep(time.Second)
		p.CloseWrite(errBroken)
		p.CloseWrite(nil)
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Errorf("Fill: %v, want ErrClosed", err)
		}
		if _, err := p.Fill(t.Context(), source(1)); !errors.Is(err, ErrClosed) {
			t.Errorf("Fill after the end: %v, want ErrClosed", err)
		}
		if err := drain(p, func([]byte) {}); !errors.Is(err, errBroken) {
			t.Errorf("reader: %v, want the first end", err)
		}
		p.CloseRead()
	})
}

func TestPanicOfTheSourceLeaksNothing(t *testing.T) {
	for name, src := range map[string]io.Reader{
		"at once": io.MultiReader(panicking{}),
		"later":   io.MultiReader(source(100_000), panicking{}),
	} {
		t.Run(name, func(t *testing.T) {
			pool := openPool(t, Limits{})
			if recovered(func() { _, _ = pool.ReadBody(src, -1, BodyLimits{Memory: 50_000}) }) == nil {
				t.Error("ReadBody swallowed the panic")
			}
			p := pool.NewPipe(PipeLimits{})
			if recovered(func() { _, _ = p.Fill(context.Background(), panicking{}) }) == nil {
				t.Error("Fill swallowed the panic")
			}
			p.CloseWrite(nil)
			if _, err := p.Next(t.Context()); err == nil || isEOF(err) {
				t.Errorf("reader after the panic: %v, want an error that is not a clean end", err)
			}
			p.CloseRead()
		})
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("source") }

func recovered(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

// A source that never answers anything must not spin for ever.
func TestSourceWithoutProgressIsGivenUp(t *testing.T) {
	pool := openPool(t, Limits{})
	p := pool.NewPipe(PipeLimits{})
	if _, err := p.Fill(t.Context(), idle{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("Fill: %v", err)
	}
	p.CloseWrite(nil)
	p.CloseRead()
	if _, err := pool.ReadBody(idle{}, -1, BodyLimits{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("ReadBody: %v", err)
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// brokenFile is a file that can be read only: every write to it is an error.
func brokenFile(dir string) (*os.File, string, error) {
	path := filepath.Join(dir, "read-only")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return nil, "", err
	}
	f, err := os.Open(path)
	return f, path, err
}

func noFile(string) (*os.File, string, error) { return nil, "", syscall.ENOSPC }

func TestDiskErrorSlowsThePipeAndFailsTheBody(t *testing.T) {
	for name, open := range map[string]func(string) (*os.File, string, error){"write": brokenFile, "open": noFile} {
		t.Run(name, func(t *testing.T) {
			pool := openPool(t, Limits{})
			var told []error
			pool.OnDiskError = func(err error) { told = append(told, err) }
			pool.open = open
			synctest.Test(t, func(t *testing.T) {
				p := pool.NewPipe(PipeLimits{Memory: 64 << 10})
				done := filling(t.Context(), p, source(1<<20))
				time.Sleep(time.Minute)
				if u := pool.Usage(); u.Memory > 64<<10 || u.Disk+u.Files != 0 {
					t.Errorf("held: %+v", u)
				}
				total := 0
				if err := drain(p, func(b []byte) { total += len(b) }); !isEOF(err) || total != 1<<20 {
					t.Errorf("%d bytes, %v", total, err)
				}
				p.CloseRead()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
			if len(told) != 1 || !errors.Is(told[0], ErrDisk) {
				t.Errorf("OnDiskError was told %v, want one ErrDisk", told)
			}
			if _, err := pool.ReadBody(source(5000), -1, BodyLimits{Memory: 1}); !errors.Is(err, ErrDisk) {
				t.Errorf("ReadBody: %v, want ErrDisk", err)
			}
		})
	}
}

// A file that fails later: what is in it comes out, what follows waits in memory.
func TestDiskErrorLaterLosesNothing(t *testing.T) {
	pool := openPool(t, Limits{})
	pool.Grace = 0
	pool.OnDiskError = func(err error) {
		if !errors.Is(err, ErrDisk) {
			t.Error(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		data := pattern(200_000)
		feed := newFeed()
		p := pool.NewPipe(PipeLimits{Memory: 8 << 10})
		done := filling(t.Context(), p, feed)
		feed.give(data[:50_000])
		synctest.Wait()
		p.mu.Lock()
		ro, _, err := brokenFile(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		good := p.ring.file.f
		p.ring.file.f = ro
		p.mu.Unlock()
		feed.give(data[50_000:])
		feed.end(nil)
		synctest.Wait()
		p.mu.Lock()
		p.ring.file.f = good
		p.mu.Unlock()
		ro.Close()
		var got []byte
		if err := drain(p, func(b []byte) { got = append(got, b...) }); !isEOF(err) || string(got) != string(data) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		p.CloseRead()
	})
}

// A file that cannot be read any more is an error for the reader, not an end.
func TestDiskThatCannotBeReadIsAnError(t *testing.T) {
	pool := openPool(t, Limits{})
	pool.Grace = 0
	p := pool.NewPipe(PipeLimits{Memory: 8 << 10})
	if _, err := p.Fill(t.Context(), source(50_000)); err != nil {
		t.Fatal(err)
	}
	p.CloseWrite(nil)
	if err := p.ring.file.f.Truncate(100); err != nil {
		t.Fatal(err)
	}
	if err := drain(p, func([]byte) {}); !errors.Is(err, ErrDisk) {
		t.Errorf("reader: %v, want ErrDisk", err)
	}
	p.CloseRead()
}

// A source that broke off may wrap io.EOF: that is not a clean end.
func TestWrappedEOFIsNoCleanEnd(t *testing.T) {
	pool := openPool(t, Limits{})
	broke := fmt.Errorf("record cut short: %w", io.EOF)
	p := pool.NewPipe(PipeLimits{})
	_, err := p.Fill(t.Context(), iotest.ErrReader(broke))
	if isEOF(err) || err == nil {
		t.Errorf("Fill: %v", err)
	}
	p.CloseWrite(err)
	if _, err := p.Next(t.Context()); isEOF(err) || err == nil {
		t.Errorf("reader: %v", err)
	}
	p.CloseRead()
	if _, err := pool.ReadBody(iotest.ErrReader(broke), -1, BodyLimits{}); err == nil {
		t.Error("ReadBody took a body that was cut short")
	}
}
