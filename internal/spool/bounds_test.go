package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowd is many bodies and pipes at once on one pool, each checking its own bytes.
type crowd struct {
	pool   *Pool
	limits Limits
	data   []byte
	full   atomic.Int64           // bodies refused
	broken atomic.Pointer[string] // a bound that did not hold
}

const crowdSize = 24

// TestBoundsHoldForTheProcess is the invariant: whatever bodies and pipes do at
// once, memory and disk stay within the limits and the stated slack, and all of
// it is given back.
func TestBoundsHoldForTheProcess(t *testing.T) {
	limits := Limits{Memory: 300 << 10, Disk: 500 << 10}
	pool := openPool(t, limits)
	pool.Grace = 100 * time.Microsecond
	c := &crowd{pool: pool, limits: limits, data: pattern(400_000)}

	var running sync.WaitGroup
	for worker := range crowdSize {
		running.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(worker), 7))
			for range 15 {
				var err error
				if rnd.IntN(2) == 0 {
					err = c.body(rnd)
				} else {
					err = c.pipe(rnd)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	if broken := c.broken.Load(); broken != nil {
		t.Error(*broken)
	}
	if c.full.Load() == 0 || pool.Usage().Written == 0 {
		t.Errorf("bounds were not reached: %d bodies refused, %+v", c.full.Load(), pool.Usage())
	}
}

// check is called from within every read of a source and after every Next.
func (c *crowd) check() {
	u := c.pool.Usage()
	if u.Memory > c.limits.Memory+crowdSize*2*smallSize || u.Disk > c.limits.Disk {
		broken := fmt.Sprintf("held %+v, limits %+v", u, c.limits)
		c.broken.Store(&broken)
	}
}

// checked is a source that looks at the bounds each time it is read.
type checked struct {
	c   *crowd
	src io.Reader
}

func (s checked) Read(p []byte) (int, error) {
	s.c.check()
	return s.src.Read(p)
}

func (c *crowd) body(rnd *rand.Rand) error {
	data := c.data[:rnd.IntN(150_000)]
	declared := int64(-1)
	if rnd.IntN(2) == 0 {
		declared = int64(len(data))
	}
	src := checked{c, &ragged{data: data, end: io.EOF, rnd: rnd, most: 20_000}}
	b, err := c.pool.ReadBody(src, declared, BodyLimits{Memory: 64 << 10})
	if errors.Is(err, ErrFull) {
		c.full.Add(1)
		return nil
	}
	if err != nil {
		return err
	}
	defer b.Close()
	if rnd.IntN(4) == 0 {
		return nil // thrown away unread
	}
	got, err := io.ReadAll(b.Reader())
	if err != nil || !bytes.Equal(got, data) {
		return fmt.Errorf("body: %d of %d bytes, %w", len(got), len(data), err)
	}
	return nil
}

// pipe runs one pipe whose source may fail and whose reader may pause or leave.
func (c *crowd) pipe(rnd *rand.Rand) error {
	data := c.data[:rnd.IntN(len(c.data))]
	end := io.EOF
	if rnd.IntN(4) == 0 {
		end = errBroken
	}
	p := c.pool.NewPipe(PipeLimits{
		Memory:     int64(rnd.IntN(100_000)),
		Max:        int64(rnd.IntN(300_000)),
		MemoryOnly: rnd.IntN(4) == 0,
		Client:     Client{Key: []string{"", "a", "b"}[rnd.IntN(3)], Memory: int64(rnd.IntN(100_000)), Disk: int64(rnd.IntN(300_000))},
	})
	src := checked{c, &ragged{data: data, end: end, rnd: rand.New(rand.NewPCG(rnd.Uint64(), 1)), most: 40_000}}
	done := filling(context.Background(), p, src)
	leaveAt := len(data) + 1
	if rnd.IntN(3) == 0 {
		leaveAt = rnd.IntN(leaveAt)
	}
	err := c.readUpTo(p, data, leaveAt, rnd)
	p.CloseRead()
	if filled := <-done; filled != nil && !errors.Is(filled, errBroken) {
		return fmt.Errorf("Fill: %w", filled)
	}
	if err != nil && !errors.Is(err, end) {
		return fmt.Errorf("pipe of %d bytes: %w", len(data), err)
	}
	return nil
}

func (c *crowd) readUpTo(p *Pipe, want []byte, leaveAt int, rnd *rand.Rand) error {
	for at := 0; at < leaveAt; {
		b, err := p.Next(context.Background())
		if err != nil {
			if at < len(want) {
				return errors.New(fmt.Sprint("end after ", at, " bytes: ", err)) // not wrapped: no right end
			}
			return err
		}
		if rnd.IntN(8) == 0 {
			for range rnd.IntN(200) {
				runtime.Gosched() // a slow client
			}
		}
		if !bytes.HasPrefix(want[at:], b) {
			return fmt.Errorf("foreign bytes at %d", at)
		}
		at += len(b)
		c.check()
	}
	return nil
}

// Close comes while readers are in the middle: they may get an error, but never
// a byte that is not the body's. Freed buffers are poisoned and taken by others
// at once.
func TestBodyCloseWhileItIsRead(t *testing.T) {
	pool := openPool(t, Limits{})
	data := pattern(200_000)
	for round := range 40 {
		memory := int64(64 << 10)
		if round%2 == 0 {
			memory = 0
		}
		b, err := pool.ReadBody(bytes.NewReader(data), -1, BodyLimits{Memory: memory})
		if err != nil {
			t.Fatal(err)
		}
		var readers sync.WaitGroup
		started := make(chan struct{}, 4)
		for i := range 4 {
			readers.Go(func() {
				r := b.Reader()
				defer r.Close()
				buf := make([]byte, 100+i*700)
				for at := 0; ; {
					n, err := r.Read(buf)
					if !bytes.HasPrefix(data[at:], buf[:n]) {
						t.Errorf("foreign bytes at %d", at)
						return
					}
					at += n
					if err != nil {
						if !errors.Is(err, ErrClosed) && !isEOF(err) {
							t.Errorf("at %d: %v", at, err)
						}
						return
					}
					if at > 50*round {
						signal(started)
					}
				}
			})
		}
		<-started
		var closers sync.WaitGroup
		for range 2 {
			closers.Go(func() { b.Close() })
		}
		closers.Wait()
		readers.Wait()
		if n, err := b.Reader().Read(make([]byte, 1)); n != 0 || !errors.Is(err, ErrClosed) {
			t.Errorf("Read of a closed body: %d, %v", n, err)
		}
	}
}

func TestBodyReaderClosedByItsOwner(t *testing.T) {
	pool := openPool(t, Limits{})
	b, err := pool.ReadBody(bytes.NewReader(pattern(10)), 10, BodyLimits{})
	if err != nil {
		t.Fatal(err)
	}
	first, second := b.Reader(), b.Reader()
	first.Close()
	first.Close()
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("Read after Close of the reader: %v", err)
	}
	if got, err := io.ReadAll(second); err != nil || len(got) != 10 {
		t.Errorf("the other reader: %d bytes, %v", len(got), err)
	}
	b.Close()
	b.Close()
}

// A small response costs the pipe, and the channel of a side that waited.
func TestSmallThingsAreCheap(t *testing.T) {
	pool := openPool(t, Limits{})
	data := pattern(300)
	src := bytes.NewReader(data)
	allocs := testing.AllocsPerRun(200, func() {
		src.Reset(data)
		p := pool.NewPipe(PipeLimits{Memory: 256 << 10})
		_, err := p.Fill(context.Background(), src)
		p.CloseWrite(err)
		_ = drain(p, func([]byte) {})
		p.CloseRead()
	})
	// The race detector makes sync.Pool forget on purpose: then a chunk comes on top.
	if allocs > 3 {
		t.Errorf("pipe of 300 bytes: %v allocations", allocs)
	}
	allocs = testing.AllocsPerRun(200, func() {
		src.Reset(data)
		b, err := pool.ReadBody(src, 300, BodyLimits{Memory: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
	})
	if allocs > 3 {
		t.Errorf("body of 300 bytes: %v allocations", allocs)
	}
	if w := pool.Usage().Written; w != 0 {
		t.Errorf("%d bytes went to disk", w)
	}
}
