package spool

import (
	"fmt"
	"io"
	"sync"
)

// BodyLimits bound one body, in bytes. 0 is no limit.
type BodyLimits struct {
	Memory int64 // bytes kept in memory; what comes after them goes to a file
	Max    int64 // bytes accepted
}

// Body is a request body that has been read to its end. It is safe for use by
// several goroutines at once.
type Body struct {
	pool  *Pool
	size  int64
	inMem int64 // the first bytes, in chunks; the others are in file, from offset 0
	file  *file // nil when all is in memory
	ahead [1]byte

	mu      sync.Mutex // guards what follows, and the chunks against being freed
	closed  bool
	chunks  chunkQueue
	first   bodyReader // handed out by the first call of Reader
	taken   bool
	reading sync.WaitGroup // reads of the file under way; added to only under mu, before closed
}

// ReadBody reads src to its end. size is what was declared, -1 when nothing was;
// a wrong size costs time but is no error.
//
// Errors: ErrTooLarge, at once when more was declared; ErrFull; ErrDisk; or what
// src returned, wrapped. Whatever was taken is given back then, and also where
// src panics.
func (p *Pool) ReadBody(src io.Reader, size int64, l BodyLimits) (*Body, error) {
	if p.closed.Load() {
		return nil, ErrClosed
	}
	if l.Max > 0 && size > l.Max {
		return nil, fmt.Errorf("%w: %d bytes declared, at most %d allowed", ErrTooLarge, size, l.Max)
	}
	b := &Body{pool: p}
	complete := false
	defer func() {
		if !complete {
			_ = b.Close()
		}
	}()
	s := bodySource{src: src, declared: size, max: l.Max, ahead: &b.ahead}
	ended, err := b.fillMemory(&s, l.Memory)
	if err == nil && !ended {
		err = b.fillFile(&s)
	}
	if err != nil {
		return nil, err
	}
	complete = true
	return b, nil
}

// fillMemory reads until the source ends (true) or no more memory may be used.
func (b *Body) fillMemory(s *bodySource, limit int64) (ended bool, err error) {
	for limit <= 0 || b.inMem < limit {
		if s.declaredReached() {
			if end, err := s.atEnd(); end || err != nil {
				return end, err
			}
		}
		want := s.next(b.inMem)
		if limit > 0 {
			want = min(want, limit-b.inMem)
		}
		c, _ := takeChunk(b.pool.all.memory, classFor(want))
		if c == nil {
			return false, nil
		}
		b.chunks.push(c) // before the read, so that Close finds it after a panic
		room := c.size()
		if limit > 0 {
			room = min(room, limit-b.inMem)
		}
		n, err := s.fill(c.buf[:room])
		c.w = n
		b.inMem += int64(n)
		b.size += int64(n)
		if isEOF(err) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	return s.atEnd()
}

// fillFile reads what is left into a file.
func (b *Body) fillFile(s *bodySource) error {
	c, _ := takeChunk(b.pool.all.memory, largeClass)
	if c == nil {
		c = forceChunk(b.pool.all.memory)
	}
	defer freeChunk(b.pool.all.memory, c)
	for {
		n, readErr := s.fill(c.buf)
		if readErr != nil && !isEOF(readErr) {
			return readErr
		}
		if err := b.append(c.buf[:n]); err != nil {
			return err
		}
		if isEOF(readErr) {
			return nil
		}
	}
}

// append writes p to the end of the file, which it opens for the first bytes.
func (b *Body) append(p []byte) (err error) {
	if len(p) == 0 {
		return nil
	}
	if b.file == nil {
		if b.file, err = b.pool.create(b.pool.all.disk, nil); err != nil {
			return err
		}
	}
	off := b.size - b.inMem
	if b.file.growTo(off+int64(len(p))) != nil {
		return ErrFull
	}
	if err := b.file.writeAt(p, off); err != nil {
		return err
	}
	b.size += int64(len(p))
	return nil
}

// Size is the number of bytes read.
func (b *Body) Size() int64 { return b.size }

// Close gives memory and file back; it waits for a Read that is in the file.
// Readers get ErrClosed from their next Read on. It may be called more than once,
// and at any time.
func (b *Body) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	for b.chunks.first != nil {
		freeChunk(b.pool.all.memory, b.chunks.pop())
	}
	b.mu.Unlock()
	if b.file != nil {
		b.reading.Wait()
		b.file.release()
	}
	return nil
}
