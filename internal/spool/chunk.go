package spool

import "sync"

const (
	smallSize = 4 << 10  // the first buffer of a pipe or of a body of unknown size
	largeSize = 32 << 10 // every further one
)

// classSizes are the sizes of buffers that exist, ascending. What is charged to
// the memory budget is the size of the class, not the bytes in use.
var classSizes = [...]int{1 << 10, smallSize, 16 << 10, largeSize, 64 << 10}

const (
	smallClass = 1
	largeClass = 3
	lastClass  = len(classSizes) - 1
)

var classPools [len(classSizes)]sync.Pool

// poison makes a freed chunk's bytes unrecognisable, so that a test sees a use
// after free. Set by TestMain only.
var poison bool

// chunk is a pooled buffer of one class. Bytes buf[r:w] are waiting to be read.
type chunk struct {
	buf   []byte
	r, w  int
	class int
	next  *chunk // in a chunkQueue or a Body
}

func (c *chunk) size() int64   { return int64(len(c.buf)) }
func (c *chunk) empty() bool   { return c.r == c.w }
func (c *chunk) reset()        { c.r, c.w = 0, 0 }
func (c *chunk) space() []byte { return c.buf[c.w:] }

// full says that reading into what is left is no longer worth a system call.
// A small chunk is used to its last byte: it is often the whole response, and
// then all that is left to read is the end.
func (c *chunk) full() bool {
	left := len(c.buf) - c.w
	return left == 0 || c.class > smallClass && left < len(c.buf)/8
}

// classFor returns the smallest class that holds n bytes, or the largest there is.
func classFor(n int64) int {
	for i, size := range classSizes {
		if n <= int64(size) {
			return i
		}
	}
	return lastClass
}

// takeChunk returns nil, and which budget has no room for the class.
func takeChunk(memory *budget, class int) (c *chunk, refused *budget) {
	if refused = memory.take(int64(classSizes[class])); refused != nil {
		return nil, refused
	}
	return newChunk(class), nil
}

// forceChunk returns a small chunk even over the budget. Whoever calls it keeps
// the slack that the package page states.
func forceChunk(memory *budget) *chunk {
	memory.force(smallSize)
	return newChunk(smallClass)
}

func newChunk(class int) *chunk {
	if c, ok := classPools[class].Get().(*chunk); ok {
		return c
	}
	return &chunk{buf: make([]byte, classSizes[class]), class: class}
}

// freeChunk gives the charge back to where it was taken.
func freeChunk(memory *budget, c *chunk) {
	size := c.size()
	if poison {
		for i := range c.buf {
			c.buf[i] = 0xDB
		}
	}
	c.reset()
	c.next = nil
	classPools[c.class].Put(c)
	memory.give(size)
}

// chunkQueue is a list of chunks, oldest first.
type chunkQueue struct{ first, last *chunk }

func (q *chunkQueue) push(c *chunk) {
	if q.last == nil {
		q.first = c
	} else {
		q.last.next = c
	}
	q.last = c
}

func (q *chunkQueue) pop() *chunk {
	c := q.first
	q.first = c.next
	if q.first == nil {
		q.last = nil
	}
	c.next = nil
	return c
}
