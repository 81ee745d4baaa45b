package spool

// slotSize is the unit in which a ring reuses its file.
const slotSize = 256 << 10

// ring is a queue of bytes in a file. The file is cut into slots; slots that
// have been read are written again before the file grows, so it is never larger
// than the most that was waiting at once, rounded up to slots.
//
// It is guarded by the mutex of its pipe, but the file is read and written
// without that: one reader (peek, read, advance) and one writer (reserve, write,
// commit) never touch the same bytes.
type ring struct {
	file  *file
	max   int64    // largest size of the file; 0: no limit
	size  int64    // bytes waiting
	slots []slot   // oldest first; the last is being written
	off   int64    // read position in the first
	free  []uint32 // slots to be written again
	fresh uint32   // the first slot never used
}

type slot struct {
	index uint32
	used  int64
}

// slotLen is the number of bytes slot i may hold: the last one may be short.
func (r *ring) slotLen(i uint32) int64 {
	if r.max <= 0 {
		return slotSize
	}
	return max(0, min(slotSize, r.max-int64(i)*slotSize))
}

// reserve finds room for up to want bytes. n is 0 when there is none; refused is
// the budget that has none, nil where it is the ring's own bound.
func (r *ring) reserve(want int64) (off, n int64, refused *budget) {
	if len(r.slots) > 0 {
		off, n, refused = r.reserveLast(want)
	}
	// A slot that may not grow is left as it is when another can be written again.
	if n == 0 && r.openSlot(refused != nil) {
		off, n, refused = r.reserveLast(want)
	}
	return off, n, refused
}

func (r *ring) reserveLast(want int64) (off, n int64, refused *budget) {
	s := r.slots[len(r.slots)-1]
	n = min(want, r.slotLen(s.index)-s.used)
	off = int64(s.index)*slotSize + s.used
	if n > 0 {
		if refused = r.file.growTo(off + n); refused != nil {
			return 0, 0, refused
		}
	}
	return off, n, nil
}

// openSlot starts the next slot, one that is free before one that is fresh.
func (r *ring) openSlot(freeOnly bool) bool {
	if last := len(r.free) - 1; last >= 0 {
		r.slots = append(r.slots, slot{index: r.free[last]})
		r.free = r.free[:last]
		return true
	}
	if freeOnly || r.slotLen(r.fresh) == 0 {
		return false
	}
	r.slots = append(r.slots, slot{index: r.fresh})
	r.fresh++
	return true
}

// commit says that the n bytes reserved last have been written.
func (r *ring) commit(n int64) {
	r.slots[len(r.slots)-1].used += n
	r.size += n
}

// peek returns where the oldest bytes are, and how many of them lie together.
func (r *ring) peek(want int64) (off, n int64) {
	s := r.slots[0]
	return int64(s.index)*slotSize + r.off, min(want, s.used-r.off)
}

// advance gives the n oldest bytes up.
func (r *ring) advance(n int64) {
	r.off += n
	r.size -= n
	for len(r.slots) > 1 && r.off == r.slots[0].used {
		r.free = append(r.free, r.slots[0].index)
		r.slots = r.slots[1:]
		r.off = 0
	}
}
