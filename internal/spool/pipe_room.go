package spool

// takeLocked takes a chunk of the class, or a small one where the pipe has
// little and the class does not fit. refused is the budget that has no memory
// left; nil says that it is this pipe.
func (p *Pipe) takeLocked(class int) (c *chunk, refused *budget) {
	if p.started {
		p.holdShareLocked()
	}
	for {
		size := int64(classSizes[class])
		if p.limits.Memory > 0 && p.held+size > max(p.limits.Memory, 2*smallSize) {
			return nil, nil
		}
		if c, refused = takeChunk(p.memoryLocked(), class); c != nil {
			p.held += size
			return c, nil
		}
		if class == smallClass || p.held >= largeSize {
			return nil, refused
		}
		class = smallClass
	}
}

// classLocked is the class of the next chunk: a pipe starts small, and stays so
// where it may not have two large ones.
func (p *Pipe) classLocked() int {
	if !p.started || p.limits.Memory > 0 && p.limits.Memory < 2*largeSize {
		return smallClass
	}
	return largeClass
}

// forceLocked takes a small chunk whatever the bounds say. Each side of a pipe
// has at most one such chunk: the writer when it has none that the reader is not
// looking at, the reader when it reads from disk.
func (p *Pipe) forceLocked() *chunk {
	p.held += smallSize
	return forceChunk(p.memoryLocked())
}

// replaceTailLocked makes c the tail and queues what the old one still has.
func (p *Pipe) replaceTailLocked(c *chunk) {
	old := p.tail
	p.tail, p.started = c, true
	switch {
	case old == nil:
	case old.empty() && p.lent != old:
		p.freeLocked(old)
	default:
		p.queue.push(old)
	}
}

// wasteLocked is the room for bytes that nobody will read.
func (p *Pipe) wasteLocked() []byte {
	if p.tail == nil {
		p.tail = p.forceLocked()
	}
	p.tail.reset()
	return p.tail.space()
}

// spillLocked moves the tail to the ring. It lets go of the lock for that; the
// reader leaves tail and ring's end alone meanwhile.
func (p *Pipe) spillLocked() roomState {
	p.spilling = true
	state, err := p.spillTailLocked()
	p.spilling = false
	if err != nil {
		p.noDisk = true
	}
	gone := p.detachRingLocked()
	p.wakeReaderLocked()
	if gone == nil && err == nil {
		return state
	}
	p.mu.Unlock()
	defer p.mu.Lock()
	if gone != nil {
		gone.release()
	}
	if err != nil && p.pool.OnDiskError != nil {
		p.pool.OnDiskError(err)
	}
	return state
}

func (p *Pipe) spillTailLocked() (roomState, error) {
	again := roomState{again: true}
	t := p.tail
	want := int64(t.w - t.r)
	if p.ring == nil {
		r, refused, err := p.openRingLocked(want)
		if err != nil {
			return again, err
		}
		if r == nil {
			return roomState{disk: refused}, nil
		}
		p.ring = r
	}
	off, n, refused := p.ring.reserve(want)
	if n == 0 {
		return roomState{disk: refused}, nil
	}
	f, b := p.ring.file, t.buf[t.r:t.r+int(n)]
	p.mu.Unlock()
	err := f.writeAt(b, off)
	p.mu.Lock()
	if err != nil {
		return again, err
	}
	p.ring.commit(n)
	t.r += int(n)
	return again, nil
}

// openRingLocked charges for the first want bytes and opens the file for them.
// nil without an error: a budget has no room.
func (p *Pipe) openRingLocked(want int64) (r *ring, refused *budget, err error) {
	if p.limits.Max > 0 {
		want = min(want, p.limits.Max)
	}
	p.holdShareLocked()
	disk, s := p.pool.shares.answers.disk, p.share
	if s != nil {
		disk = &s.disk
	}
	if refused = disk.take(want); refused != nil {
		return nil, refused, nil
	}
	p.mu.Unlock()
	f, err := p.pool.create(disk, s)
	p.mu.Lock()
	if err != nil {
		disk.give(want)
		return nil, nil, err
	}
	f.size = want
	return &ring{file: f, max: p.limits.Max}, nil, nil
}

// joinBudgets queues for what refused, and reports whether it was not queued
// there before.
func (p *Pipe) joinBudgets(s roomState) bool {
	if s.memory != nil || s.disk != nil {
		p.makeWriteWakeLocked()
	}
	joined := p.forMemory.waitAt(s.memory)
	return p.forDisk.waitAt(s.disk) || joined
}

func (p *Pipe) leaveBudgets() {
	p.forMemory.waitAt(nil)
	p.forDisk.waitAt(nil)
}

func (p *Pipe) makeWriteWakeLocked() {
	if p.writeWake == nil {
		p.writeWake = make(chan struct{}, 1)
		p.forMemory.wake, p.forDisk.wake = p.writeWake, p.writeWake
	}
}
