package spool

import (
	"context"
	"io"
	"sync"
	"time"
)

// graceWindow is how many bytes a reader has to take to earn Pool.Grace anew:
// with 10 ms, a reader of 25 MB/s and more is never overtaken by the disk.
const graceWindow = 256 << 10

// PipeLimits bound one pipe, in bytes, and all of its client. 0 is no limit.
type PipeLimits struct {
	Memory     int64 // buffers; less than 8 KiB is taken as 8 KiB
	Max        int64 // the file; less than 32 KiB is not worth one: as MemoryOnly
	MemoryOnly bool  // never use a file: for streams without an end
	Client     Client
}

// Pipe carries a response from one writing goroutine (Fill, CloseWrite) to one
// reading goroutine (Next, TryNext, CloseRead). Both sides must be closed in the
// end, in any order; then everything has been given back. CloseWrite may be
// called by others, too.
//
// The bytes waiting are, oldest first: the chunks of queue, the ring, the tail.
type Pipe struct {
	pool   *Pool
	limits PipeLimits

	mu    sync.Mutex
	queue chunkQueue
	ring  *ring  // nil while nothing waits on disk
	tail  *chunk // being filled
	inbox *chunk // what the reader reads the ring into
	lent  *chunk // the chunk whose bytes the reader is looking at
	held  int64  // size of all chunks
	share *share // of the client; nil: not held, or none

	end        error // set by CloseWrite: what the reader gets after the bytes
	broken     error // the ring could not be read
	readClosed bool
	filling    bool // Fill is running: the tail is in use
	spilling   bool // Fill writes the tail to the ring: both are in use
	noDisk     bool // the disk failed once, or is not to be used
	started    bool // the first chunk has been taken

	readWake, writeWake      chan struct{} // one slot; made by the first wait
	readerWaits, writerWaits bool

	forMemory, forDisk waiter        // places in the queues of the budgets
	grace              time.Duration // left of Pool.Grace
	timer              *time.Timer   // for waits with grace; made by the first
	drained            int64         // bytes taken since grace was last counted
	stalled            time.Duration
	stalledSince       time.Time // zero: not held back now
}

// NewPipe makes a pipe that holds nothing yet.
func (p *Pool) NewPipe(l PipeLimits) *Pipe {
	noDisk := l.MemoryOnly || l.Max > 0 && l.Max < largeSize
	return &Pipe{pool: p, limits: l, noDisk: noDisk, grace: p.Grace}
}

// CloseWrite ends the data: after the bytes waiting the reader gets err, or
// io.EOF where err is nil. Only the first call counts. A Fill under way stops
// with ErrClosed at its next bytes.
func (p *Pipe) CloseWrite(err error) {
	if err == nil {
		err = io.EOF
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.end == nil {
		p.end = err
	}
	p.dropTailLocked()
	p.wakeReaderLocked()
	p.wakeWriterLocked()
	p.leaveShareLocked()
}

// Stalled is how long the writer has been held back at a bound, all in all:
// grace, full memory, full disk.
func (p *Pipe) Stalled() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalledSince.IsZero() {
		return p.stalled
	}
	return p.stalled + time.Since(p.stalledSince)
}

// dropTailLocked frees the tail when nothing will be written to it nor read
// from it any more.
func (p *Pipe) dropTailLocked() {
	t := p.tail
	if t == nil || p.filling {
		return
	}
	if p.readClosed || p.end != nil && t.empty() && p.lent != t {
		p.tail = nil
		p.freeLocked(t)
	}
}

func (p *Pipe) freeLocked(c *chunk) {
	p.held -= c.size()
	freeChunk(p.memoryLocked(), c)
}

// detachRingLocked takes the ring off the pipe once it is not needed. The
// caller closes the file (nil: there is none) without the lock.
func (p *Pipe) detachRingLocked() *file {
	if p.ring == nil || p.spilling || p.ring.size > 0 && !p.readClosed {
		return nil
	}
	f := p.ring.file
	p.ring = nil
	if p.inbox != nil && p.lent != p.inbox {
		p.freeLocked(p.inbox)
		p.inbox = nil
	}
	return f
}

func (p *Pipe) wakeReaderLocked() {
	if p.readerWaits {
		p.readerWaits = false
		signal(p.readWake)
	}
}

func (p *Pipe) wakeWriterLocked() {
	if p.writerWaits {
		p.writerWaits = false
		signal(p.writeWake)
	}
}

// waitLocked sleeps until wake, timeout or ctx, without the lock. Tokens may be
// left over from earlier waits: callers look again.
func (p *Pipe) waitLocked(ctx context.Context, wake <-chan struct{}, timeout <-chan time.Time) error {
	p.mu.Unlock()
	defer p.mu.Lock()
	select {
	case <-wake:
		return nil
	case <-timeout:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
