package keepalive

import (
	"bufio"
	"io"
	"sync"
)

// bufferSize holds a usual request's header whole, and a usual answer's.
const bufferSize = 8 << 10

// Buffers are there while there is something in them: a connection that is kept
// has none, and one that is new does not begin with fresh ones.
var (
	readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, bufferSize) }}
	writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, bufferSize) }}
)

func newReader(from io.Reader) *bufio.Reader {
	r := readers.Get().(*bufio.Reader)
	r.Reset(from)
	return r
}

// giveBackReader is for a reader that nobody reads from any more.
func giveBackReader(r *bufio.Reader) {
	r.Reset(nil)
	readers.Put(r)
}

func newWriter(to io.Writer) *bufio.Writer {
	w := writers.Get().(*bufio.Writer)
	w.Reset(to)
	return w
}

func giveBackWriter(w *bufio.Writer) {
	w.Reset(nil)
	writers.Put(w)
}
