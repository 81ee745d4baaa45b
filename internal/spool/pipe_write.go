package spool

import (
	"context"
	"errors"
	"io"
	"time"
)

var errSourceBroke = errors.New("spool: source of the pipe broke off")

// Fill copies src into the pipe until its end and returns how many bytes src
// gave, and src's error if there was one. At the bounds it waits for the reader,
// or for ctx, whose cause it returns; a source that blocks is the source's
// business. After CloseRead it goes on reading src and throws the bytes away.
//
// It does not end the pipe: CloseWrite does. Should src panic, the reader gets
// an error after the bytes before.
func (p *Pipe) Fill(ctx context.Context, src io.Reader) (n int64, err error) {
	if err := p.beginFill(); err != nil {
		return 0, err
	}
	returned := false
	defer func() { p.endFill(returned) }()
	for err == nil {
		var buf []byte
		if buf, err = p.room(ctx); err != nil {
			break
		}
		var m int
		m, err = readSome(src, buf)
		n += int64(m)
		if closed := p.commit(m); closed != nil {
			err = closed
		}
	}
	returned = true
	if isEOF(err) {
		err = nil
	}
	return n, err
}

func (p *Pipe) beginFill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.end != nil {
		return ErrClosed
	}
	if p.filling {
		return errors.New("spool: two Fill at once on one pipe")
	}
	p.filling = true
	return nil
}

func (p *Pipe) endFill(returned bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.filling = false
	if !returned && p.end == nil {
		p.end = errSourceBroke
		p.wakeReaderLocked()
	}
	p.dropTailLocked()
	p.leaveShareLocked()
}

// commit adds the m bytes that were read into the room.
func (p *Pipe) commit(m int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.end != nil:
		return ErrClosed
	case p.readClosed || m == 0:
		return nil
	}
	p.tail.w += m
	p.wakeReaderLocked()
	return nil
}

// room returns where the next bytes of the source go. It waits at the bounds,
// and it is where bytes are moved to disk.
func (p *Pipe) room(ctx context.Context) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.leaveBudgets()
	for {
		if p.end != nil {
			return nil, ErrClosed
		}
		if p.readClosed {
			return p.wasteLocked(), nil
		}
		state := p.makeRoomLocked()
		if state.spill {
			state = p.spillLocked()
		}
		switch {
		case state.ready:
			return p.tail.space(), nil
		case state.again:
			continue
		// What was given back before joining woke nobody: look once more.
		case p.joinBudgets(state):
			continue
		}
		if err := p.holdBackLocked(ctx, state.grace); err != nil {
			return nil, err
		}
	}
}

// roomState is the outcome of a look for room.
type roomState struct {
	ready        bool          // the tail has room
	again        bool          // something changed: look again
	spill        bool          // the tail is to be written to disk
	grace        time.Duration // wait no longer than that for the reader; 0: no such end
	memory, disk *budget       // have no room; nil: they were not asked, or it is the pipe's own bound
}

// makeRoomLocked gives the tail room from memory, or says what else to do.
func (p *Pipe) makeRoomLocked() (s roomState) {
	t := p.tail
	if t != nil && t.empty() && p.lent != t && (t.class > smallClass || !t.full()) {
		t.reset()
	}
	if t != nil && !t.full() {
		return roomState{ready: true}
	}
	// Behind bytes on disk the one chunk of the tail is all the memory there is.
	if p.ring == nil || t == nil {
		c, refused := p.takeLocked(p.classLocked())
		s.memory = refused
		if c == nil && (t == nil || p.lent == t) {
			c = p.forceLocked()
		}
		if c != nil {
			p.replaceTailLocked(c)
			return roomState{ready: true}
		}
	}
	if t.empty() && p.lent != t {
		t.reset()
		return roomState{ready: true}
	}
	if p.noDisk {
		return s
	}
	if p.ring == nil {
		if s.grace = p.graceLocked(); s.grace > 0 {
			return s
		}
	}
	s.spill = true
	return s
}

// holdBackLocked waits until the reader or a budget may have made room.
func (p *Pipe) holdBackLocked(ctx context.Context, grace time.Duration) error {
	var timeout <-chan time.Time
	if grace > 0 {
		if p.timer == nil {
			p.timer = time.NewTimer(grace)
		} else {
			p.timer.Reset(grace)
		}
		defer p.timer.Stop()
		timeout = p.timer.C
	}
	p.makeWriteWakeLocked()
	p.writerWaits = true
	p.stalledSince = time.Now()
	err := p.waitLocked(ctx, p.writeWake, timeout)
	p.writerWaits = false
	took := time.Since(p.stalledSince)
	p.stalledSince = time.Time{}
	p.stalled += took
	if grace > 0 {
		p.grace = max(0, p.grace-took)
	}
	return err
}

// graceLocked is what is left of the allowance to wait for the reader.
func (p *Pipe) graceLocked() time.Duration {
	full := p.pool.Grace
	earned := time.Duration(min(p.drained, graceWindow)) * full / graceWindow
	p.drained = 0
	p.grace = min(full, p.grace+earned)
	return p.grace
}
