package spool

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// ragged reads from data in pieces of random size, then returns end.
type ragged struct {
	data []byte
	end  error
	rnd  *rand.Rand
	most int
}

func (r *ragged) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, r.end
	}
	n := min(1+r.rnd.IntN(r.most), len(p), len(r.data))
	copy(p, r.data[:n])
	r.data = r.data[n:]
	return n, nil
}

// drain reads the pipe to its end, handing every piece to see.
func drain(p *Pipe, see func([]byte)) error {
	for {
		b, err := p.Next(context.Background())
		if err != nil {
			return err
		}
		see(b)
	}
}

func TestPipeKeepsTheOrderOfBytes(t *testing.T) {
	for name, l := range map[string]PipeLimits{
		"memory":         {Memory: 64 << 10, MemoryOnly: true},
		"tiny memory":    {Memory: 1, MemoryOnly: true},
		"no limit":       {},
		"disk":           {Memory: 8 << 10},
		"small disk":     {Memory: 8 << 10, Max: 40_000},
		"several slots":  {Memory: 16 << 10, Max: 600_000},
		"large and disk": {Memory: 100 << 10, Max: 1 << 20},
	} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprint(name, " ", seed), func(t *testing.T) {
				t.Parallel()
				pool := openPool(t, Limits{Memory: 1 << 20, Disk: 2 << 20})
				pool.Grace = 0
				rnd := rand.New(rand.NewPCG(seed, 1))
				data := pattern(rnd.IntN(3 << 20))
				p := pool.NewPipe(l)
				done := make(chan error)
				go func() {
					n, err := p.Fill(context.Background(), &ragged{data: data, end: io.EOF, rnd: rnd, most: 70_000})
					if n != int64(len(data)) {
						err = fmt.Errorf("%d bytes, want %d", n, len(data))
					}
					p.CloseWrite(err)
					done <- err
				}()
				got := sha256.New()
				total := 0
				if err := drain(p, func(b []byte) { got.Write(b); total += len(b) }); !isEOF(err) {
					t.Errorf("end is %v, want io.EOF", err)
				}
				if err := <-done; err != nil {
					t.Error(err)
				}
				if want := sha256.Sum256(data); !bytes.Equal(got.Sum(nil), want[:]) {
					t.Errorf("%d bytes came out that are not the %d that went in", total, len(data))
				}
				p.CloseRead()
			})
		}
	}
}

func TestPipeReaderGetsAllBytesBeforeTheError(t *testing.T) {
	pool := openPool(t, Limits{})
	p := pool.NewPipe(PipeLimits{Memory: 256 << 10})
	data := pattern(100_000)
	rnd := rand.New(rand.NewPCG(1, 1))
	_, err := p.Fill(context.Background(), &ragged{data: data, end: errBroken, rnd: rnd, most: 5000})
	if !errors.Is(err, errBroken) {
		t.Fatalf("Fill: %v, want the source's error", err)
	}
	p.CloseWrite(err)
	var got []byte
	if err := drain(p, func(b []byte) { got = append(got, b...) }); !errors.Is(err, errBroken) {
		t.Errorf("reader: %v, want the source's error", err)
	}
	if !bytes.Equal(got, data) {
		t.Errorf("%d bytes before the error, want %d", len(got), len(data))
	}
	p.CloseRead()
}
