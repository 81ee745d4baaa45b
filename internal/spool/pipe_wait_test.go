package spool

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// filling starts Fill in a goroutine of its own and ends the pipe after it.
// The channel gets Fill's error.
func filling(ctx context.Context, p *Pipe, src io.Reader) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := p.Fill(ctx, src)
		p.CloseWrite(err)
		done <- err
	}()
	return done
}

func source(n int) io.Reader { return &plain{left: n} }

// plain gives n bytes, as many as are asked for.
type plain struct{ left int }

func (s *plain) Read(p []byte) (int, error) {
	n := min(len(p), s.left)
	s.left -= n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func mustNext(t *testing.T, p *Pipe) []byte {
	t.Helper()
	b, err := p.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPipeGoesToDiskAfterTheGrace(t *testing.T) {
	pool := openPool(t, Limits{})
	synctest.Test(t, func(t *testing.T) {
		p := pool.NewPipe(PipeLimits{Memory: 64 << 10})
		done := filling(t.Context(), p, source(1<<20))
		time.Sleep(pool.Grace - time.Nanosecond)
		synctest.Wait()
		if u := pool.Usage(); u.Files != 0 || u.Memory > 64<<10 {
			t.Errorf("before the grace has passed: %+v", u)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if u := pool.Usage(); u.Files != 1 || u.Disk < 900_000 || u.Disk > 1<<20 {
			t.Errorf("after the grace: %+v", u)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := p.Stalled(); got != pool.Grace {
			t.Errorf("Stalled is %v, want the grace, %v", got, pool.Grace)
		}
		if err := drain(p, func([]byte) {}); !isEOF(err) {
			t.Error(err)
		}
		if u := pool.Usage(); u.Files != 0 || u.Disk != 0 || u.Memory != 0 {
			t.Errorf("held by an empty pipe: %+v", u)
		}
		p.CloseRead()
	})
}

func TestPipeWithAFastReaderStaysInMemory(t *testing.T) {
	pool := openPool(t, Limits{})
	synctest.Test(t, func(t *testing.T) {
		p := pool.NewPipe(PipeLimits{Memory: 64 << 10})
		done := filling(t.Context(), p, source(20<<20))
		// 32 KiB a millisecond: somewhat faster than graceWindow per Grace.
		if err := drain(p, func([]byte) { time.Sleep(time.Millisecond) }); !isEOF(err) {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if w := pool.Usage().Written; w != 0 {
			t.Errorf("%d bytes went to disk", w)
		}
		p.CloseRead()
	})
}

func TestPipeWithASlowReaderDoesNotHoldTheWriterUp(t *testing.T) {
	pool := openPool(t, Limits{})
	synctest.Test(t, func(t *testing.T) {
		p := pool.NewPipe(PipeLimits{Memory: 256 << 10})
		began := time.Now()
		done := filling(t.Context(), p, source(20<<20))
		took := make(chan time.Duration, 1)
		go func() {
			<-done
			took <- time.Since(began)
		}()
		// 1 MB/s: 20 s for the client.
		if err := drain(p, func(b []byte) { time.Sleep(time.Duration(len(b)) * time.Microsecond) }); !isEOF(err) {
			t.Error(err)
		}
		if took := <-took; took > 2*pool.Grace {
			t.Errorf("writer was done after %v, want about %v", took, pool.Grace)
		}
		p.CloseRead()
	})
}

func TestPipeWaitsAtItsBoundAndGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		pool Limits
		pipe PipeLimits
		most Usage
	}{
		"memory only":     {Limits{}, PipeLimits{Memory: 64 << 10, MemoryOnly: true}, Usage{Memory: 64 << 10}},
		"file is full":    {Limits{}, PipeLimits{Memory: 64 << 10, Max: 100_000}, Usage{Memory: 64 << 10, Disk: 100_000}},
		"budgets used up": {Limits{Memory: 40 << 10, Disk: 50_000}, PipeLimits{}, Usage{Memory: 48 << 10, Disk: 50_000}},
		"budgets empty":   {Limits{Memory: 1, Disk: 1}, PipeLimits{}, Usage{Memory: 8 << 10}},
	} {
		t.Run(name, func(t *testing.T) {
			pool := openPool(t, c.pool)
			synctest.Test(t, func(t *testing.T) {
				p := pool.NewPipe(c.pipe)
				done := filling(t.Context(), p, source(1<<20))
				time.Sleep(time.Minute)
				select {
				case err := <-done:
					t.Fatalf("Fill did not wait: %v", err)
				default:
				}
				if s := p.Stalled(); s != time.Minute {
					t.Errorf("Stalled is %v while the writer waits, want 1m", s)
				}
				total := 0
				err := drain(p, func(b []byte) {
					total += len(b)
					if u := pool.Usage(); u.Memory > c.most.Memory || u.Disk > c.most.Disk {
						t.Errorf("held %+v, at most %+v allowed", u, c.most)
					}
				})
				if !isEOF(err) || total != 1<<20 {
					t.Errorf("%d bytes, %v", total, err)
				}
				p.CloseRead()
			})
		})
	}
}

// A writer that waits for the budget of the process goes on when another gives
// back, though its own reader does not move.
func TestPipeIsWokenByOthersGivingBack(t *testing.T) {
	for name, l := range map[string]Limits{ // of which answers have 36 KiB, and 64 KiB
		"memory": {Memory: 48 << 10},
		"disk":   {Memory: 48 << 10, Disk: 87_381},
	} {
		t.Run(name, func(t *testing.T) {
			pool := openPool(t, l)
			synctest.Test(t, func(t *testing.T) {
				only := PipeLimits{MemoryOnly: l.Disk == 0}
				hog := pool.NewPipe(only)
				hogDone := filling(t.Context(), hog, source(1<<20))
				time.Sleep(time.Second)
				var waiting []<-chan error
				var pipes []*Pipe
				for range 3 {
					p := pool.NewPipe(only)
					pipes = append(pipes, p)
					waiting = append(waiting, filling(t.Context(), p, source(8_000)))
				}
				time.Sleep(time.Second)
				for _, done := range waiting {
					select {
					case err := <-done:
						t.Fatalf("Fill did not wait: %v", err)
					default:
					}
				}
				if u := pool.Usage(); u.Memory < answersPart(l.Memory) || u.Disk < answersPart(l.Disk) {
					t.Fatalf("held %+v: want all that answers have of %+v", u, l)
				}
				hog.CloseRead()
				for _, done := range append(waiting, hogDone) {
					if err := <-done; err != nil {
						t.Error(err)
					}
				}
				for _, p := range pipes {
					p.CloseRead()
				}
			})
		})
	}
}

func TestPipeContextEndsEveryWait(t *testing.T) {
	why := errors.New("because")
	for name, c := range map[string]struct {
		pool Limits
		pipe PipeLimits
		wait time.Duration
	}{
		"in the grace":  {Limits{}, PipeLimits{Memory: 64 << 10}, time.Millisecond},
		"file is full":  {Limits{}, PipeLimits{Memory: 64 << 10, Max: 40_000}, time.Second},
		"memory only":   {Limits{}, PipeLimits{Memory: 64 << 10, MemoryOnly: true}, time.Second},
		"memory budget": {Limits{Memory: 5000}, PipeLimits{MemoryOnly: true}, time.Second},
		"disk budget":   {Limits{Memory: 5000, Disk: 5000}, PipeLimits{}, time.Second},
	} {
		t.Run("writer "+name, func(t *testing.T) {
			pool := openPool(t, c.pool)
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				p := pool.NewPipe(c.pipe)
				done := filling(ctx, p, source(1<<20))
				time.Sleep(c.wait)
				cancel(why)
				if err := <-done; !errors.Is(err, why) {
					t.Errorf("Fill: %v, want the cause", err)
				}
				if err := drain(p, func([]byte) {}); !errors.Is(err, why) {
					t.Errorf("reader: %v, want the cause", err)
				}
				p.CloseRead()
			})
		})
	}
	t.Run("reader", func(t *testing.T) {
		pool := openPool(t, Limits{})
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			p := pool.NewPipe(PipeLimits{})
			time.AfterFunc(time.Second, func() { cancel(why) })
			if _, err := p.Next(ctx); !errors.Is(err, why) {
				t.Errorf("Next: %v, want the cause", err)
			}
			// The wait that was given up leaves the pipe as it was.
			done := filling(t.Context(), p, source(10))
			if b := mustNext(t, p); len(b) != 10 {
				t.Errorf("%d bytes", len(b))
			}
			if _, err := p.Next(t.Context()); !isEOF(err) {
				t.Error(err)
			}
			<-done
			p.CloseRead()
		})
	})
}

func TestPipeTryNextDoesNotWait(t *testing.T) {
	pool := openPool(t, Limits{})
	p := pool.NewPipe(PipeLimits{})
	if b, ok, err := p.TryNext(); ok || err != nil || b != nil {
		t.Errorf("empty: %q %v %v", b, ok, err)
	}
	if _, err := p.Fill(t.Context(), source(5)); err != nil {
		t.Error(err)
	}
	if b, ok, err := p.TryNext(); !ok || err != nil || len(b) != 5 {
		t.Errorf("with bytes: %q %v %v", b, ok, err)
	}
	p.CloseWrite(nil)
	if _, ok, err := p.TryNext(); ok || !isEOF(err) {
		t.Errorf("at the end: %v %v", ok, err)
	}
	p.CloseRead()
}
