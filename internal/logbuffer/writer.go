package logbuffer

import (
	"bytes"
	"context"
	"io"
	"sync"
	"sync/atomic"
)

// maxChunk is as much as is written at once. Others may write to the same pipe,
// and up to PIPE_BUF (4096 bytes in Linux) the kernel keeps lines apart. A longer
// line is written by itself.
const maxChunk = 4096

// Options of a Writer.
type Options struct {
	// Size is how many bytes may wait to be written. There may be as many again
	// that are being written.
	Size int
	// Dropped, if set, writes a line that says how many are missing in its place.
	Dropped func(out io.Writer, lines int)
}

// Writer takes lines without waiting, and a goroutine writes them. It has to be
// closed.
type Writer struct {
	options Options
	out     io.Writer
	dropped atomic.Uint64
	waiting chan struct{} // has one place, taken while there is something to do
	ended   chan struct{}

	mu      sync.Mutex
	pending []byte // whole lines
	missing int    // that belong behind pending
	closed  bool

	// The goroutine's.
	untold int  // lines that are missing and of which no line tells so far
	torn   bool // what was written last has not come to the end of its line
}

// New writes to out.
func New(out io.Writer, o Options) *Writer {
	w := &Writer{options: o, out: out, waiting: make(chan struct{}, 1), ended: make(chan struct{})}
	go w.run()
	return w
}

// Unwrap is what it writes to.
func (w *Writer) Unwrap() io.Writer { return w.out }

// Dropped is how many lines were dropped so far: there was no room for them, or
// they could not be written.
func (w *Writer) Dropped() uint64 { return w.dropped.Load() }

// Write takes one line, or drops it.
func (w *Writer) Write(line []byte) (int, error) {
	w.mu.Lock()
	first := len(w.pending) == 0 && w.missing == 0 // nobody was told of any yet
	// A shorter one might fit behind the first that did not; then it were not clear
	// where those belong that are missing.
	dropped := w.closed || w.missing > 0 || len(w.pending)+len(line) > w.options.Size
	if dropped {
		w.missing++
	} else {
		w.pending = append(w.pending, line...)
	}
	w.mu.Unlock()
	if dropped {
		w.dropped.Add(1)
	}
	if first {
		w.wake()
	}
	return len(line), nil
}

// Close writes what has come so far, until ctx ends; the error is then its cause.
// What comes later is dropped.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.wake()
	select {
	case <-w.ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (w *Writer) wake() {
	select {
	case w.waiting <- struct{}{}:
	default: // it is about to look
	}
}

func (w *Writer) run() {
	defer close(w.ended)
	var lines []byte
	for range w.waiting {
		var missing int
		var last bool
		lines, missing, last = w.take(lines)
		w.writeAll(lines)
		w.untold += missing
		w.tell()
		if last {
			return
		}
	}
}

// take swaps the lines that have come for room for others.
func (w *Writer) take(room []byte) (lines []byte, missing int, last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines, missing = w.pending, w.missing
	w.pending, w.missing = room[:0], 0
	return lines, missing, w.closed
}

// writeAll writes lines some at a time. An error costs only those of its chunk:
// the disk that is full may have room again for the next.
func (w *Writer) writeAll(lines []byte) {
	for len(lines) > 0 {
		w.tell()
		n := chunk(lines)
		if lost := w.write(lines[:n]); lost > 0 {
			w.dropped.Add(uint64(lost))
			w.untold += lost
		}
		lines = lines[n:]
	}
}

// chunk is the length of as many whole lines as are written at once: one at least.
func chunk(lines []byte) int {
	if len(lines) <= maxChunk {
		return len(lines)
	}
	if end := bytes.LastIndexByte(lines[:maxChunk], '\n'); end >= 0 {
		return end + 1
	}
	if end := bytes.IndexByte(lines, '\n'); end >= 0 {
		return end + 1
	}
	return len(lines)
}

// write returns how many lines were not written, a part of the first of them
// perhaps.
func (w *Writer) write(lines []byte) (lost int) {
	if w.torn {
		if _, err := w.out.Write([]byte{'\n'}); err != nil {
			return bytes.Count(lines, []byte{'\n'})
		}
		w.torn = false
	}
	n, err := w.out.Write(lines)
	if err == nil {
		return 0
	}
	if n > 0 {
		w.torn = lines[n-1] != '\n'
	}
	return bytes.Count(lines[n:], []byte{'\n'})
}

// tell says which lines are missing, as soon as that can be written.
func (w *Writer) tell() {
	if w.untold == 0 || w.options.Dropped == nil {
		return
	}
	var said bytes.Buffer
	w.options.Dropped(&said, w.untold)
	if w.write(said.Bytes()) == 0 {
		w.untold = 0
	}
}
