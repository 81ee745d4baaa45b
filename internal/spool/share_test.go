package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// slowPipes opens pipes that nobody reads, and return how to end them.
func slowPipes(t *testing.T, pool *Pool, n int, l PipeLimits) (end func()) {
	t.Helper()
	var pipes []*Pipe
	var done []<-chan error
	for range n {
		p := pool.NewPipe(l)
		pipes = append(pipes, p)
		done = append(done, filling(t.Context(), p, source(4<<20)))
	}
	return func() {
		for i, p := range pipes {
			p.CloseRead()
			if err := <-done[i]; err != nil {
				t.Error(err)
			}
		}
	}
}

// One address that leaves many large answers unread takes its own share: the
// answers of others are spooled, and bodies are not refused.
func TestASlowClientFillsNothingButItsShare(t *testing.T) {
	pool := openPool(t, Limits{Memory: 4 << 20, Disk: 16 << 20})
	synctest.Test(t, func(t *testing.T) {
		limits := func(client string) PipeLimits {
			return PipeLimits{Memory: 256 << 10, Max: 8 << 20, Client: Client{Key: client, Memory: 1 << 20, Disk: 5 << 20}}
		}
		end := slowPipes(t, pool, 12, limits("slow"))
		time.Sleep(time.Minute)
		synctest.Wait()
		// Each pipe may have a chunk a side beyond it.
		if u := pool.Usage(); u.Disk > 5<<20 || u.Disk < 4<<20 || u.Memory > 1<<20+12*2*smallSize {
			t.Errorf("held %+v, want the client's share", u)
		}
		p := pool.NewPipe(limits("other"))
		began := time.Now()
		if err := <-filling(t.Context(), p, source(4<<20)); err != nil || time.Since(began) > pool.Grace {
			t.Errorf("the answer of another client took %v, %v", time.Since(began), err)
		}
		b, err := pool.ReadBody(source(3<<20), -1, BodyLimits{Memory: 64 << 10})
		if err != nil {
			t.Errorf("body: %v", err)
		} else {
			b.Close()
		}
		p.CloseRead()
		end()
	})
}

// However many clients are slow, bodies have a quarter.
func TestAnswersLeaveAQuarterToBodies(t *testing.T) {
	for name, client := range map[string]Client{"no client": {}, "a client without a bound": {Key: "a"}} {
		t.Run(name, func(t *testing.T) {
			pool := openPool(t, Limits{Memory: 4 << 20, Disk: 16 << 20})
			synctest.Test(t, func(t *testing.T) {
				end := slowPipes(t, pool, 12, PipeLimits{Client: client})
				time.Sleep(time.Minute)
				synctest.Wait()
				if u := pool.Usage(); u.Disk != 12<<20 || u.Memory > 3<<20+12*2*smallSize {
					t.Errorf("held %+v, want three quarters", u)
				}
				b, err := pool.ReadBody(source(4<<20), -1, BodyLimits{Memory: 64 << 10})
				if err != nil {
					t.Fatalf("body: %v", err)
				}
				if _, err := pool.ReadBody(source(4<<20), -1, BodyLimits{Memory: 1}); !errors.Is(err, ErrFull) {
					t.Errorf("a body for which there is no room: %v", err)
				}
				b.Close()
				end()
			})
		})
	}
}

func TestOneClientHasAtMostHalfOfWhatAnswersHave(t *testing.T) {
	pool := openPool(t, Limits{Memory: 4 << 20, Disk: 16 << 20})
	synctest.Test(t, func(t *testing.T) {
		end := slowPipes(t, pool, 12, PipeLimits{Client: Client{Key: "a", Memory: 1 << 40, Disk: 1 << 40}})
		time.Sleep(time.Minute)
		synctest.Wait()
		if u := pool.Usage(); u.Disk != 6<<20 || u.Memory > 3<<19+12*2*smallSize {
			t.Errorf("held %+v, want 6 MiB of disk and 1.5 MiB of memory", u)
		}
		end()
	})
}

// Whoever waits for room goes on when its client has more of it: because another
// answer of the client's has ended, or because the bound is another since a reload.
func TestAClientsAnswersAreWokenByItsShare(t *testing.T) {
	only := PipeLimits{Memory: 16 << 10, Client: Client{Key: "a", Memory: 1 << 20, Disk: 1 << 20}}
	more := only
	more.Client.Disk = 8 << 20
	for name, room := range map[string]func(p *Pool, end func()){
		"an answer ends": func(_ *Pool, end func()) { end() },
		"the bound rises": func(p *Pool, _ func()) {
			newest := p.NewPipe(more)
			_, _ = newest.Fill(context.Background(), bytes.NewReader(pattern(10_000)))
			newest.CloseWrite(nil)
			newest.CloseRead()
		},
	} {
		t.Run(name, func(t *testing.T) {
			pool := openPool(t, Limits{Disk: 1 << 30})
			synctest.Test(t, func(t *testing.T) {
				end := slowPipes(t, pool, 1, only)
				time.Sleep(time.Second)
				p := pool.NewPipe(only)
				done := filling(t.Context(), p, source(500_000))
				time.Sleep(time.Minute)
				select {
				case err := <-done:
					t.Fatalf("Fill did not wait: %v", err)
				default:
				}
				ended := false
				room(pool, func() { end(); ended = true })
				if err := <-done; err != nil {
					t.Error(err)
				}
				if s := p.Stalled(); s < time.Minute || s > time.Minute+time.Second {
					t.Errorf("Stalled is %v, want 1m", s)
				}
				p.CloseRead()
				if !ended {
					end()
				}
			})
		})
	}
}

// A source that panics, and a pipe that is ended by others, leave nothing charged.
func TestAShareEndsWithItsPipes(t *testing.T) {
	pool := openPool(t, Limits{})
	limits := PipeLimits{Memory: 64 << 10, Client: Client{Key: "a", Memory: 1 << 20, Disk: 1 << 20}}
	synctest.Test(t, func(t *testing.T) {
		panics := pool.NewPipe(limits)
		if recovered(func() { _, _ = panics.Fill(t.Context(), io.MultiReader(source(200_000), panicking{})) }) == nil {
			t.Error("no panic")
		}
		panics.CloseRead()
		cut := pool.NewPipe(limits)
		done := filling(t.Context(), cut, source(20<<20))
		time.Sleep(time.Minute)
		cut.CloseWrite(errBroken)
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Errorf("Fill: %v, want ErrClosed", err)
		}
		cut.CloseRead()
	})
}

// A small answer does not look for its client.
func TestASmallAnswerCountsForNobody(t *testing.T) {
	pool := openPool(t, Limits{})
	p := pool.NewPipe(PipeLimits{Memory: 64 << 10, Client: Client{Key: "a", Memory: 1 << 20}})
	if _, err := p.Fill(t.Context(), source(smallSize-1)); err != nil {
		t.Fatal(err)
	}
	if n := pool.shares.count(); n != 0 {
		t.Errorf("%d shares", n)
	}
	p.CloseWrite(nil)
	p.CloseRead()
}

// BenchmarkPipeOfAClient is an answer of 20 kB, of which nothing goes to disk, on
// all cores: of one client, and each of another.
func BenchmarkPipeOfAClient(b *testing.B) {
	for name, key := range map[string]func(n int) string{
		"nobody":      func(int) string { return "" },
		"one client":  func(int) string { return "192.0.2.1" },
		"each of its": func(n int) string { return fmt.Sprint("192.0.2.", n%256) },
	} {
		b.Run(name, func(b *testing.B) {
			pool := unpoisoned(b)
			data := pattern(20_000)
			var keys [256]string
			for i := range keys {
				keys[i] = key(i)
			}
			b.RunParallel(func(pb *testing.PB) {
				src := bytes.NewReader(data)
				for n := 0; pb.Next(); n++ {
					src.Reset(data)
					p := pool.NewPipe(PipeLimits{Memory: 256 << 10, Client: Client{Key: keys[n%256], Memory: 64 << 20, Disk: 1 << 30}})
					if _, err := p.Fill(context.Background(), src); err != nil {
						b.Error(err)
					}
					p.CloseWrite(nil)
					_ = drain(p, func([]byte) {})
					p.CloseRead()
				}
			})
		})
	}
}
