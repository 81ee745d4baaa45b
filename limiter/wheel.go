package limiter

// wheel orders entries by the time at which they are worth nothing any more, in
// buckets of time. Adding, moving and taking out are in constant time, for the
// order within a bucket is not known: an entry is due once its bucket is over.
type wheel[V any] struct {
	width int64 // of a bucket, nanoseconds
	tick  int64 // number of the bucket that has begun last
	later [wheelBuckets]*entry[V]
	due   *entry[V]
}

const wheelBuckets = 256

// newWheel returns a wheel for times that are at most so far ahead.
func newWheel[V any](horizon int64) wheel[V] {
	return wheel[V]{width: horizon/(wheelBuckets-2) + 1}
}

// advance makes what is due at a time due. It takes as many steps as buckets have
// ended, at most all of them.
func (w *wheel[V]) advance(now int64) {
	target := now / w.width
	for tick := max(w.tick, target-wheelBuckets); tick < target; tick++ {
		list := &w.later[tick%wheelBuckets]
		if *list != nil {
			w.due = join(w.due, *list)
			*list = nil
		}
	}
	w.tick = max(w.tick, target)
}

// ring is the list that an entry is in, or has to be in.
func (w *wheel[V]) ring(e *entry[V]) **entry[V] {
	tick := e.until / w.width
	if tick < w.tick {
		return &w.due
	}
	return &w.later[tick%wheelBuckets]
}

func (w *wheel[V]) add(e *entry[V]) {
	e.next, e.prev = e, e
	ring := w.ring(e)
	*ring = join(*ring, e)
}

func (w *wheel[V]) remove(e *entry[V]) {
	ring := w.ring(e)
	if e.next == e {
		*ring = nil
	} else {
		e.prev.next, e.next.prev = e.next, e.prev
		if *ring == e {
			*ring = e.next
		}
	}
	e.next, e.prev = nil, nil
}

// first is an entry that is due, or else one of those that will be next; nil
// where there is none.
func (w *wheel[V]) first() *entry[V] {
	if w.due != nil {
		return w.due
	}
	for tick := w.tick; tick < w.tick+wheelBuckets; tick++ {
		if e := w.later[tick%wheelBuckets]; e != nil {
			return e
		}
	}
	return nil
}

// join makes one ring of two.
func join[V any](a, b *entry[V]) *entry[V] {
	if a == nil {
		return b
	}
	last := b.prev
	b.prev = a.prev
	a.prev.next = b
	last.next = a
	a.prev = last
	return a
}
