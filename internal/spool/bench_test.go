package spool

import (
	"bytes"
	"context"
	"fmt"
	"testing"
)

func unpoisoned(b *testing.B) *Pool {
	poison = false
	b.Cleanup(func() { poison = true })
	b.ReportAllocs()
	return openPool(b, Limits{Memory: 512 << 20, Disk: 1 << 30})
}

func BenchmarkBody(b *testing.B) {
	for _, c := range []struct {
		size   int
		memory int64
	}{{1 << 10, 64 << 10}, {64 << 10, 64 << 10}, {1 << 20, 64 << 10}} {
		b.Run(fmt.Sprintf("%dKiB", c.size>>10), func(b *testing.B) {
			pool := unpoisoned(b)
			data := pattern(c.size)
			src, scratch := bytes.NewReader(data), make([]byte, 32<<10)
			b.SetBytes(int64(c.size))
			for b.Loop() {
				src.Reset(data)
				body, err := pool.ReadBody(src, int64(c.size), BodyLimits{Memory: c.memory})
				if err != nil {
					b.Fatal(err)
				}
				r := body.Reader()
				for err == nil {
					_, err = r.Read(scratch)
				}
				body.Close()
			}
		})
	}
}

// BenchmarkPipeSmall has one goroutine on both sides: the cost of the pipe alone.
func BenchmarkPipeSmall(b *testing.B) {
	pool := unpoisoned(b)
	data := pattern(300)
	src := bytes.NewReader(data)
	ctx := context.Background()
	for b.Loop() {
		src.Reset(data)
		p := pool.NewPipe(PipeLimits{Memory: 256 << 10, Max: 1 << 30})
		if _, err := p.Fill(ctx, src); err != nil {
			b.Fatal(err)
		}
		p.CloseWrite(nil)
		if err := drain(p, func([]byte) {}); !isEOF(err) {
			b.Fatal(err)
		}
		p.CloseRead()
	}
}

// BenchmarkPipe has a goroutine a side, as a request has, and a reader that
// copies what it gets.
func BenchmarkPipe(b *testing.B) {
	for _, size := range []int{300, 20_000, 1 << 20, 10 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			pool := unpoisoned(b)
			data := pattern(size)
			ctx := context.Background()
			pipes := make(chan *Pipe)
			defer close(pipes)
			go func() {
				src := bytes.NewReader(data)
				for p := range pipes {
					src.Reset(data)
					_, err := p.Fill(ctx, src)
					p.CloseWrite(err)
				}
			}()
			scratch := make([]byte, 64<<10)
			b.SetBytes(int64(size))
			for b.Loop() {
				p := pool.NewPipe(PipeLimits{Memory: 256 << 10, Max: 1 << 30})
				pipes <- p
				if err := drain(p, func(c []byte) { copy(scratch, c) }); !isEOF(err) {
					b.Fatal(err)
				}
				p.CloseRead()
			}
			if w := pool.Usage().Written; w > 0 {
				b.Logf("%d bytes went to disk", w)
			}
		})
	}
}
