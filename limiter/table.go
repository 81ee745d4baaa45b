package limiter

import "maps"

// entry is what a table knows of a key.
type entry[V any] struct {
	id    id
	value V
	until int64 // from when on the entry is worth nothing

	next, prev *entry[V] // in a ring of the wheel; nil: in none
}

// table knows a bounded number of keys, each until a time of its own. Only one
// whose time is over makes room for another; what it had as its value is left as
// it was. A table is not safe for concurrent use.
type table[V any] struct {
	max     int
	entries map[id]*entry[V]
	wheel   wheel[V]
}

// newTable returns a table for times that are at most so many nanoseconds ahead.
func newTable[V any](size int, horizon int64) table[V] {
	return table[V]{max: size, entries: make(map[id]*entry[V]), wheel: newWheel[V](horizon)}
}

// place returns an entry for a key that is not known; nil where there is no room.
// It has to be held until a time before the next call.
func (t *table[V]) place(k id, now int64) *entry[V] {
	var e *entry[V]
	if len(t.entries) < t.max {
		e = new(entry[V])
	} else {
		t.wheel.advance(now)
		if e = t.wheel.due; e == nil {
			return nil
		}
		t.remove(e)
	}
	e.id = k
	t.entries[k] = e
	return e
}

// hold keeps an entry until a time.
func (t *table[V]) hold(e *entry[V], until, now int64) {
	t.wheel.advance(now)
	if e.next != nil {
		if e.until/t.wheel.width == until/t.wheel.width {
			e.until = until
			return
		}
		t.wheel.remove(e)
	}
	e.until = until
	t.wheel.add(e)
}

func (t *table[V]) remove(e *entry[V]) {
	t.wheel.remove(e)
	delete(t.entries, e.id)
}

// resize bounds the table anew. Where there are too many entries, those go whose
// time is over first.
func (t *table[V]) resize(size int, now int64) {
	t.max = size
	if len(t.entries) <= size {
		return
	}
	t.wheel.advance(now)
	for len(t.entries) > size {
		t.remove(t.wheel.first())
	}
	left := make(map[id]*entry[V], size) // a map gives back no room
	maps.Copy(left, t.entries)
	t.entries = left
}
