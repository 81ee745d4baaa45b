package spool

import "context"

// Next returns the next bytes, valid until the next call on this side. It waits
// for them, for the end (io.EOF or what CloseWrite said) or for ctx, whose cause
// it returns. Bytes that are there are returned even if ctx has ended.
func (p *Pipe) Next(ctx context.Context) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.takeBackLocked()
	for {
		if b, err := p.lendLocked(); b != nil || err != nil {
			return b, err
		}
		if p.readWake == nil {
			p.readWake = make(chan struct{}, 1)
		}
		p.readerWaits = true
		err := p.waitLocked(ctx, p.readWake, nil)
		p.readerWaits = false
		if err != nil {
			return nil, err
		}
	}
}

// TryNext is Next without waiting: false and no error when nothing is there yet.
// It may read the disk.
func (p *Pipe) TryNext() ([]byte, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.takeBackLocked()
	b, err := p.lendLocked()
	return b, b != nil, err
}

// takeBackLocked ends the loan of the last Next: the bytes may be overwritten.
func (p *Pipe) takeBackLocked() {
	c := p.lent
	if c == nil {
		return
	}
	p.lent = nil
	switch {
	case c == p.inbox:
		c.reset()
		if p.ring == nil {
			p.inbox = nil
			p.freeLocked(c)
		}
	case c == p.queue.first && c.empty():
		p.freeLocked(p.queue.pop())
	}
	p.dropTailLocked()
	p.wakeWriterLocked()
}

// lendLocked returns the oldest bytes, or the end, or neither. It lets go of the
// lock while it reads the disk.
func (p *Pipe) lendLocked() ([]byte, error) {
	switch {
	case p.readClosed:
		return nil, ErrClosed
	case p.broken != nil:
		return nil, p.broken
	case p.queue.first != nil:
		return p.lendChunkLocked(p.queue.first), nil
	case p.ring != nil && p.ring.size > 0:
		return p.lendRingLocked()
	case p.spilling:
		// The tail is on its way to the ring: it comes from there in a moment.
		return nil, nil
	case p.tail != nil && !p.tail.empty():
		return p.lendChunkLocked(p.tail), nil
	}
	return nil, p.end
}

func (p *Pipe) lendChunkLocked(c *chunk) []byte {
	b := c.buf[c.r:c.w:c.w]
	c.r = c.w
	p.lent = c
	p.drained += int64(len(b))
	if c == p.tail {
		// The writer gets another chunk while the client takes this one.
		p.wakeWriterLocked()
	}
	return b
}

func (p *Pipe) lendRingLocked() ([]byte, error) {
	if p.inbox == nil {
		if p.inbox, _ = p.takeLocked(p.classLocked()); p.inbox == nil {
			p.inbox = p.forceLocked()
		}
	}
	c, f := p.inbox, p.ring.file
	off, n := p.ring.peek(c.size())
	p.mu.Unlock()
	err := f.readAt(c.buf[:n], off)
	p.mu.Lock()
	if err != nil {
		p.broken = err
		return nil, err
	}
	p.ring.advance(n)
	c.r, c.w = 0, int(n)
	b := p.lendChunkLocked(c)
	p.wakeWriterLocked()
	if empty := p.detachRingLocked(); empty != nil {
		p.mu.Unlock()
		empty.release()
		p.mu.Lock()
	}
	return b, nil
}

// CloseRead says that the client has gone. Buffers and file are given back now,
// but for the one buffer that a Fill under way needs to read its source to the
// end. The bytes of the last Next must not be looked at any more.
func (p *Pipe) CloseRead() {
	p.mu.Lock()
	if p.readClosed {
		p.mu.Unlock()
		return
	}
	p.readClosed = true
	p.lent = nil
	for p.queue.first != nil {
		p.freeLocked(p.queue.pop())
	}
	if p.inbox != nil {
		p.freeLocked(p.inbox)
		p.inbox = nil
	}
	p.dropTailLocked()
	f := p.detachRingLocked()
	p.wakeWriterLocked()
	p.leaveShareLocked()
	p.mu.Unlock()
	if f != nil {
		f.release()
	}
}
