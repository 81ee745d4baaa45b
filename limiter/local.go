package limiter

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxNetworks bounds the networks that are judged where keys have no room: as
// many as IPv4 has. Beyond it, all others are judged together.
const maxNetworks = 1 << 16

// local keeps the buckets of one limit in this process.
type local struct {
	limit rate.Limit
	burst int

	mu       sync.Mutex
	clock    clock
	keys     table[rate.Limiter]
	networks table[rate.Limiter]
	others   *rate.Limiter
}

func newLocal(l Limit, keys int) *local {
	horizon := int64(l.Window() + time.Microsecond)
	return &local{
		limit:    rate.Limit(l.Rate),
		burst:    l.Burst,
		keys:     newTable[rate.Limiter](keys, horizon),
		networks: newTable[rate.Limiter](maxNetworks, horizon),
		others:   rate.NewLimiter(rate.Limit(l.Rate), l.Burst),
	}
}

// take charges a key one request, if it may be let through.
func (l *local) take(k Key, now time.Time) Decision {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, at := l.clock.tell(now)
	if e := l.entryLocked(&l.keys, k.id, at); e != nil {
		return l.chargeLocked(&l.keys, e, now, at)
	}
	return l.takeNetworkLocked(k.network, now, at)
}

// takeNetwork charges the network of a key that has no room.
func (l *local) takeNetwork(k Key, now time.Time) Decision {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, at := l.clock.tell(now)
	return l.takeNetworkLocked(k.network, now, at)
}

func (l *local) takeNetworkLocked(network id, now time.Time, at int64) Decision {
	var d Decision
	if e := l.entryLocked(&l.networks, network, at); e != nil {
		d = l.chargeLocked(&l.networks, e, now, at)
	} else {
		allowed := l.others.AllowN(now, 1)
		d = l.decision(allowed, l.others.TokensAt(now))
	}
	d.ByNetwork = true
	return d
}

// entryLocked finds or makes the entry of a key; nil where there is no room.
func (l *local) entryLocked(t *table[rate.Limiter], k id, at int64) *entry[rate.Limiter] {
	if e := t.entries[k]; e != nil {
		return e
	}
	e := t.place(k, at)
	if e != nil && e.value.Burst() == 0 {
		// Since the zero time it has filled.
		e.value.SetLimitAt(time.Time{}, l.limit)
		e.value.SetBurstAt(time.Time{}, l.burst)
	}
	return e // one that had another key is full, which is what a new key has
}

func (l *local) chargeLocked(t *table[rate.Limiter], e *entry[rate.Limiter], now time.Time, at int64) Decision {
	allowed := e.value.AllowN(now, 1)
	d := l.decision(allowed, e.value.TokensAt(now))
	if allowed {
		t.hold(e, at+int64(d.Reset), at)
	}
	return d
}

// decision tells what a bucket is like, in numbers that hold if they are kept to.
// rate.Limiter lets through what lacks less than a nanosecond.
func (l *local) decision(allowed bool, tokens float64) Decision {
	d := Decision{
		Allowed:   allowed,
		Remaining: int(min(max(tokens+float64(l.limit)*1e-9, 0), float64(l.burst))),
		Reset:     l.refill(float64(l.burst) - tokens),
	}
	if !allowed {
		d.RetryAfter = max(l.refill(1-tokens), time.Microsecond)
	}
	return d
}

// refill is the time that so many tokens need, in whole microseconds: who makes
// seconds of it and rounds up must not pay for the noise of floating point.
func (l *local) refill(tokens float64) time.Duration {
	nanoseconds := tokens / float64(l.limit) * 1e9
	return time.Duration(math.Ceil(max(nanoseconds-1, 0)/1e3)) * time.Microsecond
}

// giveBack undoes an allowed take.
func (l *local) giveBack(k Key, byNetwork bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, at := l.clock.tell(now)
	t, name := &l.keys, k.id
	if byNetwork {
		t, name = &l.networks, k.network
	}
	e := t.entries[name]
	if e == nil {
		if byNetwork {
			l.others.AllowN(now, -1)
		}
		return // full again meanwhile, and forgotten
	}
	e.value.AllowN(now, -1) // more than Burst is cut off when the bucket is next looked at
	t.hold(e, at+int64(l.decision(true, e.value.TokensAt(now)).Reset), at)
}

// known is the number of keys and networks that take memory.
func (l *local) known() (keys, networks int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.keys.entries), len(l.networks.entries)
}

// resize bounds the keys anew.
func (l *local) resize(keys int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys.resize(keys, l.clock.at())
}
