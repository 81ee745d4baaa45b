package spool

import (
	"math/rand/v2"
	"testing"
)

// The file of a ring holds what waited at most, not what went through it.
func TestRingReusesItsFile(t *testing.T) {
	pool := openPool(t, Limits{})
	f, err := pool.create(pool.all.disk, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &ring{file: f}
	rnd := rand.New(rand.NewPCG(1, 2))
	const waiting = 600_000
	for total := 0; total < 50<<20; {
		for r.size < waiting {
			_, n, _ := r.reserve(int64(1 + rnd.IntN(largeSize)))
			r.commit(n)
			total += int(n)
		}
		for r.size > waiting/2 {
			_, n := r.peek(int64(1 + rnd.IntN(largeSize)))
			r.advance(n)
		}
	}
	if most := int64(waiting + largeSize + 2*slotSize); f.size > most {
		t.Errorf("file of %d bytes for at most %d waiting", f.size, waiting)
	}
	f.release()
}

// A ring at its bound takes nothing, and takes again once a slot has been read.
func TestRingAtItsBound(t *testing.T) {
	pool := openPool(t, Limits{})
	f, err := pool.create(pool.all.disk, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &ring{file: f, max: slotSize + 100}
	fill := func() (total int64) {
		for {
			_, n, refused := r.reserve(largeSize)
			if refused != nil {
				t.Fatal("refused by a budget without a limit")
			}
			if n == 0 {
				return total
			}
			r.commit(n)
			total += n
		}
	}
	if n := fill(); n != slotSize+100 {
		t.Errorf("took %d bytes", n)
	}
	for range slotSize / largeSize {
		_, n := r.peek(largeSize)
		r.advance(n)
	}
	if n := fill(); n != slotSize || f.size != slotSize+100 {
		t.Errorf("took %d bytes more, file of %d", n, f.size)
	}
	f.release()
}
