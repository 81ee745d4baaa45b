package fastcgi

import (
	"fmt"
	"io"
	"net/http"
	"sync"
)

// Body is the body of a response. It ends, with io.EOF, when PHP has ended the
// request, and not when its bytes have ended. Close may be called while a Read
// is under way and ends it.
type Body struct {
	// These belong to whoever has entered.
	x       *exchange
	limit   int64 // bytes that may still be given out; -1: any number
	surplus int64
	app     uint32

	mu      sync.Mutex
	idle    sync.Cond // entered has become false
	entered bool      // somebody reads or closes
	err     error     // once it has ended, why
}

// Ending is what is known of an answer when it has ended.
type Ending struct {
	// AppStatus is the script's exit status: 0, or 255 after a fatal error. The
	// answer is complete nevertheless.
	AppStatus uint32
	// Surplus is how many bytes were dropped beyond the Content-Length, or of
	// the body of an answer that has none.
	Surplus int64
}

func newBody(x *exchange, method string, h responseHeader) *Body {
	b := &Body{x: x, limit: h.length}
	b.idle.L = &b.mu
	if method == http.MethodHead || isBodyless(h.status) {
		b.limit = 0
	}
	return b
}

// Read gives out the bytes as they arrive. Bytes beyond a declared
// Content-Length are counted and dropped, as nginx does: the client has been
// told where the answer ends, and a page that prints a stray newline is no
// reason to fail. Too few of them are ErrUnexpectedEnd.
func (b *Body) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := b.enter(); err != nil {
		return 0, err
	}
	for n == 0 && err == nil {
		n, err = b.read(p)
	}
	b.leave(err)
	return n, err
}

// Close ends the exchange. Before END_REQUEST that cuts the connection, which
// PHP notices only when it writes: a caller that must know when PHP is done
// reads to the end instead.
func (b *Body) Close() error {
	b.mu.Lock()
	ended := b.err != nil
	b.mu.Unlock()
	if ended {
		return nil
	}
	b.x.fail(ErrClosed) // ends a Read under way
	if b.enter() == nil {
		b.leave(ErrClosed)
	}
	return nil
}

// Ending tells how a body ended that was read to io.EOF; ok is false otherwise.
func (b *Body) Ending() (ending Ending, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != io.EOF {
		return Ending{}, false
	}
	return Ending{AppStatus: b.app, Surplus: b.surplus}, true
}

// enter waits for others to leave; the error is why the body has ended.
func (b *Body) enter() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.entered {
		b.idle.Wait()
	}
	if b.err == nil {
		b.entered = true
	}
	return b.err
}

// leave ends the exchange where there is an error.
func (b *Body) leave(err error) {
	if err != nil {
		b.x.release()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.entered, b.err = false, err
	b.idle.Broadcast()
}

// read takes the next bytes; 0 without an error means that they were dropped.
func (b *Body) read(p []byte) (int, error) {
	if b.limit > 0 && b.limit < int64(len(p)) {
		p = p[:b.limit]
	}
	if b.limit != 0 {
		if n, ok, err := b.x.reader.direct(p); ok {
			return b.count(n), b.explain(end{}, err)
		}
	}
	content, end, err := b.x.reader.stdout()
	if err != nil {
		return 0, b.explain(end, err)
	}
	if b.limit == 0 {
		b.x.reader.discard(len(content))
		b.surplus += int64(len(content))
		return 0, nil
	}
	n := copy(p, content)
	b.x.reader.discard(n)
	return b.count(n), nil
}

func (b *Body) count(n int) int {
	if b.limit > 0 {
		b.limit -= int64(n)
	}
	return n
}

// explain makes an answer that is too short an error.
func (b *Body) explain(end end, err error) error {
	if err == nil {
		return nil
	}
	if err = b.x.explain(end, err); err != io.EOF {
		return err
	}
	b.app = end.app
	if b.limit > 0 {
		return fmt.Errorf("%w: %d bytes short of its Content-Length", ErrUnexpectedEnd, b.limit)
	}
	return io.EOF
}
