package limiter

import (
	"encoding/hex"
	"fmt"
	"time"
)

// shared is where a limit is counted, and what the script needs to know of it.
type shared struct {
	redis              *Redis // that is asked
	interval, capacity int64  // microseconds
	burst              int64
	prefix             string
	charge, giveBack   []any
}

func newShared(l Limit, r *Redis) *shared {
	interval := max(l.Interval().Round(time.Microsecond).Microseconds(), 1)
	s := &shared{redis: r, interval: interval, capacity: interval * int64(l.Burst), burst: int64(l.Burst)}
	s.charge = []any{s.capacity, interval}
	s.giveBack = []any{s.capacity, -interval}
	// The numbers are part of the name: a debt means nothing at another rate. They
	// come before the key, which alone says where in a cluster the bucket is.
	s.prefix = fmt.Sprintf("%slimit:%s:%s:%d:%d:", r.options.Prefix, l.Name, l.Key, interval, l.Burst)
	return s
}

// bucket is the name of a key's bucket in Redis. Each has a hash tag of its own.
func (s *shared) bucket(k Key) string { return s.prefix + tag(k) }

func tag(k Key) string { return "{" + hex.EncodeToString(k.id[:]) + "}" }

// decision reads what the script returned.
func (s *shared) decision(debt int64) Decision {
	d := Decision{Allowed: debt >= 0}
	if !d.Allowed {
		debt = -debt
		d.RetryAfter = time.Duration(debt+s.interval-s.capacity) * time.Microsecond
	}
	d.Remaining = int(max(s.capacity-debt, 0) / s.interval)
	d.Reset = time.Duration(debt) * time.Microsecond
	return d
}
