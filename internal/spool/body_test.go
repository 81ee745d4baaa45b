package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

func TestBodyComesBackAsItWasRead(t *testing.T) {
	pool := openPool(t, Limits{})
	for _, size := range []int{0, 1, 1023, 1024, 1025, 4096, 4097, 36864, 65535, 65536, 65537, 100_000, 1 << 20} {
		for _, declared := range []int64{-1, int64(size), int64(size) / 2, int64(size) * 2} {
			for _, memory := range []int64{0, 1, 5000, 64 << 10} {
				t.Run(fmt.Sprintf("%d declared %d memory %d", size, declared, memory), func(t *testing.T) {
					data := pattern(size)
					src := &ragged{data: data, end: io.EOF, rnd: rand.New(rand.NewPCG(1, uint64(size))), most: 9000}
					b, err := pool.ReadBody(src, declared, BodyLimits{Memory: memory, Max: int64(size)*2 + 1})
					if err != nil {
						t.Fatal(err)
					}
					defer b.Close()
					if b.Size() != int64(size) {
						t.Errorf("Size is %d", b.Size())
					}
					for range 2 {
						if got, err := io.ReadAll(b.Reader()); err != nil || !bytes.Equal(got, data) {
							t.Errorf("read %d bytes, %v", len(got), err)
						}
					}
					// TestReader reads in pieces down to a byte: dear where each is a system call.
					if size <= 5000 {
						if err := iotest.TestReader(b.Reader(), data); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
	}
}

func TestBodyErrors(t *testing.T) {
	pool := openPool(t, Limits{Memory: 8 << 10, Disk: 10_000})
	many := func(n int) io.Reader { return bytes.NewReader(pattern(n)) }
	for _, c := range []struct {
		name   string
		src    io.Reader
		size   int64
		limits BodyLimits
		want   error
	}{
		{"declared too large", nil, 11, BodyLimits{Max: 10}, ErrTooLarge},
		{"one byte too large", many(11), -1, BodyLimits{Max: 10}, ErrTooLarge},
		{"one byte too large on disk", many(9001), -1, BodyLimits{Memory: 10, Max: 9000}, ErrTooLarge},
		{"process full", many(30_000), -1, BodyLimits{}, ErrFull},
		{"source fails", io.MultiReader(many(5000), iotest.ErrReader(errBroken)), -1, BodyLimits{}, errBroken},
		{"source fails on disk", io.MultiReader(many(5000), iotest.ErrReader(errBroken)), -1, BodyLimits{Memory: 1}, errBroken},
		{"source fails at the declared end", io.MultiReader(many(5000), iotest.ErrReader(errBroken)), 5000, BodyLimits{}, errBroken},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := pool.ReadBody(c.src, c.size, c.limits); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if u := pool.Usage(); u.Memory+u.Disk+u.Files != 0 {
				t.Errorf("held after the error: %+v", u)
			}
		})
	}
}
