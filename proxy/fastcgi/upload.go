package fastcgi

import (
	"io"
	"sync"
)

// uploadSize is one STDIN record with its header.
const uploadSize = 32 << 10

var uploads = sync.Pool{New: func() any {
	b := make([]byte, uploadSize)
	return &b
}}

// upload sends a body that did not fit beside the head, while the answer is
// read. A connection that takes no more is not its business: PHP may have
// answered without reading, and the reading side will see. A body that ends too
// early is: PHP would take what it got for the whole.
type upload struct {
	done chan struct{} // closed when the goroutine has ended
}

func startUpload(x *exchange) *upload {
	u := &upload{done: make(chan struct{})}
	go func() {
		defer close(u.done)
		u.run(x)
		x.closeRequestBody()
	}()
	return u
}

func (u *upload) run(x *exchange) {
	buffer := uploads.Get().(*[]byte)
	defer uploads.Put(buffer)
	b := *buffer
	for sent := int64(0); sent < x.req.ContentLength; {
		size := min(int64(len(b)-headerSize), x.req.ContentLength-sent)
		n, err := io.ReadFull(x.req.Body, b[headerSize:headerSize+size])
		if err != nil {
			x.fail(bodyError(sent+int64(n), x.req.ContentLength, err))
			return
		}
		putHeader(b, typeStdin, n)
		if _, err := x.conn.Write(b[:headerSize+n]); err != nil {
			return
		}
		sent += int64(n)
	}
	putHeader(b, typeStdin, 0)
	_, _ = x.conn.Write(b[:headerSize])
}
