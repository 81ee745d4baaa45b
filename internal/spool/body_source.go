package spool

import (
	"fmt"
	"io"
)

// bodySource reads a body from its source: it counts, stops at the most bytes
// allowed, and can look one byte ahead, so that a full buffer need not be
// followed by another only to learn that the body has ended.
type bodySource struct {
	src      io.Reader
	declared int64 // -1: unknown
	max      int64 // 0: no limit
	read     int64 // bytes handed out
	ahead    *[1]byte
	hasAhead bool
	err      error // what src said last; final
}

func (s *bodySource) declaredReached() bool {
	return s.declared >= 0 && s.read == s.declared
}

// next is the number of bytes worth making room for, when so many are in memory.
func (s *bodySource) next(inMem int64) int64 {
	switch {
	case s.declared > s.read:
		return s.declared - s.read
	case inMem == 0:
		return smallSize
	default:
		return largeSize
	}
}

// fill reads until p is full or the declared size is reached. The error is
// io.EOF at the end of the body; bytes may come with it.
func (s *bodySource) fill(p []byte) (n int, err error) {
	for n < len(p) {
		if s.declaredReached() || s.max > 0 && s.read == s.max {
			if end, err := s.atEnd(); err != nil {
				return n, err
			} else if end {
				return n, io.EOF
			}
		}
		m, err := s.some(p[n:])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (s *bodySource) some(p []byte) (n int, err error) {
	if s.hasAhead {
		p[0], s.hasAhead = s.ahead[0], false
		s.read++
		return 1, nil
	}
	if s.max > 0 {
		p = p[:min(int64(len(p)), s.max-s.read)]
	}
	if s.err == nil {
		n, s.err = s.readSource(p)
		s.read += int64(n)
	}
	if n > 0 {
		return n, nil
	}
	return 0, s.err
}

// atEnd reports whether the body has ended, reading one byte ahead to know.
// A byte beyond the most allowed is ErrTooLarge.
func (s *bodySource) atEnd() (bool, error) {
	if !s.hasAhead && s.err == nil {
		var n int
		n, s.err = s.readSource(s.ahead[:])
		s.hasAhead = n > 0
	}
	switch {
	case s.hasAhead && s.max > 0 && s.read >= s.max:
		return false, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, s.max)
	case s.hasAhead:
		return false, nil
	case isEOF(s.err):
		return true, nil
	default:
		return false, s.err
	}
}

func (s *bodySource) readSource(p []byte) (int, error) {
	n, err := readSome(s.src, p)
	if err != nil && !isEOF(err) {
		err = fmt.Errorf("spool: reading the body: %w", err)
	}
	return n, err
}
