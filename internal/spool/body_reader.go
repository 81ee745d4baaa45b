package spool

import "io"

// bodyReader reads a Body from its start. All its fields are guarded by the
// body's mutex: net/http closes a request body while another goroutine reads it.
type bodyReader struct {
	body   *Body
	closed bool
	chunk  *chunk // the one that holds pos, while pos is in memory
	inside int    // pos within chunk
	pos    int64
}

// Reader returns a new reader from the start of the body. Any number may be in
// use, one after another or at once. After Close of the body they fail with
// ErrClosed.
func (b *Body) Reader() io.ReadCloser {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &b.first // most bodies are read once: no allocation for it
	if b.taken {
		r = new(bodyReader)
	}
	b.taken = true
	r.body, r.chunk = b, b.chunks.first
	return r
}

func (r *bodyReader) Read(p []byte) (int, error) {
	b := r.body
	b.mu.Lock()
	if r.closed || b.closed {
		b.mu.Unlock()
		return 0, ErrClosed
	}
	if len(p) == 0 || r.pos == b.size {
		b.mu.Unlock()
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	if r.pos < b.inMem {
		n := r.copyLocked(p)
		b.mu.Unlock()
		return n, nil
	}
	off := r.pos - b.inMem
	n := int(min(int64(len(p)), b.size-r.pos))
	// The disk is read without the lock; Close waits meanwhile.
	b.reading.Add(1)
	b.mu.Unlock()
	defer b.reading.Done()
	if err := b.file.readAt(p[:n], off); err != nil {
		return 0, err
	}
	b.mu.Lock()
	r.pos += int64(n)
	b.mu.Unlock()
	return n, nil
}

// copyLocked copies from memory under the lock: Close cannot hand the buffers on
// before it is done.
func (r *bodyReader) copyLocked(p []byte) (n int) {
	for n < len(p) && r.chunk != nil {
		m := copy(p[n:], r.chunk.buf[r.inside:r.chunk.w])
		n += m
		r.inside += m
		if r.inside == r.chunk.w {
			r.chunk, r.inside = r.chunk.next, 0
		}
	}
	r.pos += int64(n)
	return n
}

func (r *bodyReader) Close() error {
	r.body.mu.Lock()
	r.closed = true
	r.body.mu.Unlock()
	return nil
}
