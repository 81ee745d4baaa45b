package fastcgi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// recordReader takes the answer's byte stream apart. STDOUT is handed out as it
// arrives, STDERR goes to stderr, END_REQUEST ends the stream. How the bytes
// were split on the way makes no difference to what comes out.
type recordReader struct {
	from   io.Reader
	buf    []byte
	pos    int // buf[pos:have] has been received and not yet used
	have   int
	stderr *stderrLines

	kind recordType // of the record under way
	left int        // of its content, still to come
	pad  int        // of its padding, still to come
}

// stdout returns received and unused STDOUT bytes, at least one, and waits for
// them where there are none; discard uses them up. At the end of the request
// the error is io.EOF and end tells how it ended.
func (r *recordReader) stdout() (b []byte, e end, err error) {
	for {
		if r.left > 0 {
			switch r.kind {
			case typeStdout:
				b, err = r.content()
				return b, end{}, err
			case typeStderr:
				if err := r.drainStderr(); err != nil {
					return nil, end{}, err
				}
			}
		}
		if err := r.next(); err != nil {
			return nil, end{}, err
		}
		if r.kind == typeEndRequest {
			e, err := r.end()
			if err != nil {
				return nil, end{}, err
			}
			return nil, e, io.EOF
		}
	}
}

// content is the received part of the record under way.
func (r *recordReader) content() ([]byte, error) {
	if r.pos == r.have {
		if err := r.fill(1); err != nil {
			return nil, err
		}
	}
	return r.buf[r.pos:min(r.have, r.pos+r.left)], nil
}

// discard uses up n bytes of what stdout returned.
func (r *recordReader) discard(n int) {
	r.pos += n
	r.left -= n
}

// direct reads content of the STDOUT record under way into p, past the buffer,
// where that saves a copy: the buffer is empty and p is at least as large.
func (r *recordReader) direct(p []byte) (n int, ok bool, err error) {
	if r.kind != typeStdout || r.left == 0 || r.pos < r.have || len(p) < len(r.buf) {
		return 0, false, nil
	}
	n, err = r.from.Read(p[:min(len(p), r.left)])
	r.left -= n
	if n > 0 {
		return n, true, nil // the error, if any, comes again
	}
	return 0, true, cutOff(err)
}

func (r *recordReader) drainStderr() error {
	for r.left > 0 {
		b, err := r.content()
		if err != nil {
			return err
		}
		r.stderr.write(b)
		r.discard(len(b))
	}
	return nil
}

// next goes to the next record of this request.
func (r *recordReader) next() error {
	for {
		if err := r.skip(r.left + r.pad); err != nil {
			return err
		}
		r.left, r.pad = 0, 0
		if err := r.fill(headerSize); err != nil {
			return err
		}
		h := r.buf[r.pos : r.pos+headerSize]
		r.pos += headerSize
		if h[0] != version1 {
			return fmt.Errorf("%w: record version %d, want %d: is this a FastCGI server?", ErrBadResponse, h[0], version1)
		}
		r.kind = recordType(h[1])
		r.left, r.pad = int(binary.BigEndian.Uint16(h[4:])), int(h[6])
		id := binary.BigEndian.Uint16(h[2:])
		if id == 0 {
			continue // management: nobody asked, nothing to be done
		}
		if id != requestID {
			return fmt.Errorf("%w: record for request %d on a connection that carries request %d", ErrBadResponse, id, requestID)
		}
		switch r.kind {
		case typeStdout, typeStderr, typeEndRequest:
			return nil
		default:
			return fmt.Errorf("%w: record of type %d from a responder", ErrBadResponse, r.kind)
		}
	}
}

func (r *recordReader) end() (end, error) {
	if r.left != endSize {
		return end{}, fmt.Errorf("%w: END_REQUEST of %d bytes, want %d", ErrBadResponse, r.left, endSize)
	}
	if err := r.fill(endSize); err != nil {
		return end{}, err
	}
	b := r.buf[r.pos:]
	e := end{app: binary.BigEndian.Uint32(b), protocol: b[4]}
	r.discard(endSize)
	return e, nil
}

// skip drops n bytes of the stream.
func (r *recordReader) skip(n int) error {
	for n > 0 {
		if r.pos == r.have {
			if err := r.fill(1); err != nil {
				return err
			}
		}
		step := min(n, r.have-r.pos)
		r.pos += step
		n -= step
	}
	return nil
}

// fill receives until at least n unused bytes are there; n is at most the size
// of the buffer.
func (r *recordReader) fill(n int) error {
	if r.have-r.pos >= n {
		return nil
	}
	if r.pos > 0 {
		r.have = copy(r.buf, r.buf[r.pos:r.have])
		r.pos = 0
	}
	for empty := 0; r.have < n; {
		got, err := r.from.Read(r.buf[r.have:])
		r.have += got
		if r.have >= n {
			return nil
		}
		if err != nil {
			return cutOff(err)
		}
		if got > 0 {
			empty = 0
		} else if empty++; empty == maxEmptyReads {
			return io.ErrNoProgress
		}
	}
	return nil
}

const maxEmptyReads = 100

// cutOff turns the end of the connection, which comes too early wherever it is
// met, into an error that cannot be taken for the end of the answer.
func cutOff(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return ErrUnexpectedEnd
	}
	return fmt.Errorf("%w: %w", ErrUnexpectedEnd, err)
}
