package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessiongate/sessiongate/internal/rules"
)

// chaos is an upstream that does everything an upstream can do, and watches
// that no two requests of a session are with it at once.
type chaos struct {
	*testing.T
	mu      sync.Mutex
	rng     *rand.Rand
	running map[string]*atomic.Int32
	fences  map[string]uint64 // the latest that came, by session
	early   bool              // it also ends turns before it is done: overlaps are allowed
	hangs   bool              // now and then it never answers
}

func (c *chaos) roll(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rng.IntN(n)
}

func (c *chaos) counter(session string) *atomic.Int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running[session] == nil {
		c.running[session] = &atomic.Int32{}
	}
	return c.running[session]
}

func (c *chaos) php(r *http.Request) (*http.Response, error) {
	n := c.counter(r.Header.Get("Cookie"))
	if n.Add(1) != 1 && !c.early {
		c.Errorf("two requests of %s run at once", r.Header.Get("Cookie"))
	}
	c.wantInOrder(r)
	if c.roll(2) == 0 {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	if c.hangs && c.roll(10) == 0 {
		<-r.Context().Done()
		n.Add(-1)
		return nil, r.Context().Err()
	}
	<-time.After(time.Duration(c.roll(50)) * time.Millisecond)
	switch c.roll(8) {
	case 0:
		n.Add(-1)
		return nil, errors.New("connection reset")
	case 1:
		n.Add(-1)
		panic("a defect")
	}
	body := &chaosBody{chaos: c, running: n, left: c.roll(5)}
	resp := answer(body)
	resp.Body = body
	if c.early && c.roll(3) == 0 {
		resp.Header.Set(ControlHeader, []string{"release", "hold=20ms", "nonsense"}[c.roll(3)])
	}
	if c.roll(3) == 0 {
		resp.Header.Set("X-Accel-Buffering", "no") // a stream, which may be cut
	}
	return resp, nil
}

// wantInOrder expects that no request comes when a later one of its session has
// come: its turn was over before it was sent.
func (c *chaos) wantInOrder(r *http.Request) {
	text := r.Header.Get(FenceHeader)
	if text == "" {
		return // it has no turn
	}
	fence, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		c.Error(err)
	}
	session := r.Header.Get("Cookie")
	c.mu.Lock()
	defer c.mu.Unlock()
	if fence < c.fences[session] {
		c.Errorf("a request of %s was sent under fence %d when one under fence %d had been", session, fence, c.fences[session])
	}
	c.fences[session] = fence
}

// chaosBody writes in pieces, now and then breaks off or panics, and counts
// itself out when it has ended.
type chaosBody struct {
	*chaos
	running *atomic.Int32
	left    int
	over    bool
	closed  atomic.Bool
}

func (b *chaosBody) Close() error {
	b.closed.Store(true)
	return nil
}

func (b *chaosBody) Read(p []byte) (int, error) {
	<-time.After(time.Duration(b.roll(20)) * time.Millisecond)
	if b.left--; b.left >= 0 && !b.closed.Load() {
		n := min(len(p), 1+b.roll(4000))
		return copy(p, bytes.Repeat([]byte{'x'}, n)), nil
	}
	if !b.over {
		b.over = true
		b.running.Add(-1)
	}
	if b.closed.Load() {
		return 0, io.ErrClosedPipe
	}
	switch b.roll(10) {
	case 0:
		return 0, io.ErrUnexpectedEOF
	case 1:
		panic("a defect in the middle")
	}
	return 0, io.EOF
}

// Whatever clients and upstream do in whatever order: no overlap within a
// session, and nothing left behind (which the bench checks).
func TestEveryPathGivesBackWhatItTook(t *testing.T) {
	for seed := range uint64(40) {
		for _, early := range []bool{false, true} {
			t.Run(fmt.Sprintf("seed %d, early release %v", seed, early), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { walk(t, seed, early, func(*bench, *chaos) {}) })
			})
		}
	}
}

// The same while leases are lost and the store comes and goes; in the end the
// gate is cut off from what still runs.
func TestEveryTurnEndsOnceWhileLeasesAreLost(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l *awayLocks
				b := walk(t, seed, seed%2 == 0, func(b *bench, c *chaos) {
					b.change(func(s *Setup) { s.AbortOnLostLease = c.early })
					l = onAwayLocks(b)
					unsettle(l, c)
				})
				b.gate.Abort()
				if err := b.gate.Drain(t.Context()); err != nil {
					t.Fatal(err)
				}
				for i, turn := range l.turns {
					if turn.Context().Err() == nil {
						t.Errorf("turn %d has not ended", i)
					}
				}
				if len(l.given) != len(l.turns) {
					t.Errorf("%d turns, %d ends", len(l.turns), len(l.given))
				}
			})
		})
	}
}

// unsettle makes a store lose leases, and come and go.
func unsettle(l *awayLocks, c *chaos) {
	for range 20 {
		time.AfterFunc(time.Duration(c.roll(600))*time.Millisecond, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.away, l.lostLate = c.roll(3) == 0, c.roll(5) == 0
			for _, turn := range l.turns {
				if c.roll(4) == 0 {
					turn.Lose()
				}
			}
		})
	}
}

func walk(t *testing.T, seed uint64, early bool, prepare func(*bench, *chaos)) *bench {
	c := &chaos{T: t, rng: rand.New(rand.NewPCG(seed, 7)), running: map[string]*atomic.Int32{}, fences: map[string]uint64{}, early: early}
	b := newBench(t, c.php, func(p *rules.Policy, s *Settings) {
		p.WaitTimeout = 200 * time.Millisecond
		p.ForwardOnTimeout = early && seed%2 == 0
		p.MaxWaiting = 5
		if early {
			p.MaxHold = 30 * time.Millisecond
			p.ReleaseDelay = time.Duration(c.roll(2)) * 10 * time.Millisecond
		}
		if p.OnStoreFailure = rules.StoreFailure(seed % 3); p.OnStoreFailure == rules.Open && !early {
			p.OnStoreFailure = rules.Closed
		}
		s.MaxUploading = 6
	})
	prepare(b, c)
	b.upstream().ResponseTimeout = 40 * time.Millisecond
	if c.hangs = early && seed%4 < 2; c.hangs { // turns end by max_hold
		b.upstream().AbandonedTimeout = time.Duration(1+c.roll(60)) * time.Millisecond
	}
	var all sync.WaitGroup
	for range 60 {
		method, body := "GET", ""
		if c.roll(3) == 0 {
			method, body = "POST", strings.Repeat("b", c.roll(100_000))
		}
		v := b.send(method, body, "Cookie", fmt.Sprint("PHPSESSID=s", c.roll(3)), "X-Forwarded-For", fmt.Sprint("10.0.0.", c.roll(3)))
		all.Go(func() { <-v.done })
		if c.roll(3) == 0 {
			after := time.Duration(c.roll(100)) * time.Millisecond
			all.Go(func() {
				<-time.After(after)
				v.leave()
			})
		}
		<-time.After(time.Duration(c.roll(20)) * time.Millisecond)
	}
	all.Wait()
	return b
}
