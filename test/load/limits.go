package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"github.com/sessiongate/sessiongate/limiter"
)

const (
	limitClients   = 1000000
	limitKeys      = 100000 // that a limit knows
	limitKeyBytes  = 220    // of each key and network that is known, at most
	limitOffenders = 100
)

// perClient is the limit that the clients meet.
var perClient = limiter.Limit{Name: "per-client", Key: "client", Rate: 1, Burst: 5, Enforce: true}

// limits has a flood of clients go by a limit, and looks at what it has cost; then
// has three share a limit in Redis.
func limits(ctx context.Context, s *stand) ([]figure, error) {
	slow, err := flood(ctx, 50*time.Microsecond)
	if err != nil {
		return nil, err
	}
	s.progress("20,000 new clients a second: %s; %v a decision", slow.memory(), slow.decision)
	fast, err := flood(ctx, time.Microsecond)
	if err != nil {
		return nil, err
	}
	s.progress("1,000,000 new clients a second: %s; %v a decision", fast.memory(), fast.decision)
	shared, err := shareLimit(ctx, s)
	if err != nil {
		return nil, err
	}
	with := func(clients string) string {
		return fmt.Sprintf("%d clients, a request each, %s; rate 1/s, burst 5, at most %d keys; %d offenders at 20/s each", limitClients, clients, limitKeys, limitOffenders)
	}
	return append([]figure{
		held("limits: clients within their rate that were refused", float64(slow.refused), 0, fmt.Sprintf("of %d", limitClients), with("20,000/s")),
		held("limits: requests of offenders beyond their rate that passed", float64(slow.beyond), 0, fmt.Sprintf("%d passed", slow.offended), with("20,000/s")),
		held("limits: keys known", float64(slow.keys), limitKeys, fmt.Sprintf("of %d", limitClients), with("20,000/s")),
		held("limits: bytes a key", slow.perKey(), limitKeyBytes, slow.memory(), with("20,000/s")),
		held("limits: bytes a key or network, where there is no room for all in debt", fast.perKey(), limitKeyBytes, fast.memory(), with("1,000,000/s")),
		held("limits: requests of offenders beyond their rate that passed then", float64(fast.beyond), 0, fmt.Sprintf("%d passed", fast.offended), with("1,000,000/s")),
		stated("limits: µs a decision, among them", float64(slow.decision.Nanoseconds())/1e3, fmt.Sprintf("%v a decision on networks", fast.decision), with("20,000/s")),
	}, shared...), nil
}

// flooded is what a flood has left behind.
type flooded struct {
	refused  int // of clients within their rate
	offended int // requests of offenders that passed
	beyond   int // of them, more than their rate allows
	keys     int
	networks int // judged in place of keys
	bytes    int64
	decision time.Duration
}

func (f flooded) perKey() float64 { return float64(f.bytes) / float64(f.keys+f.networks) }

func (f flooded) memory() string {
	return fmt.Sprintf("%d bytes, %d keys and %d networks known", f.bytes, f.keys, f.networks)
}

// flood sends the clients past the limit in made-up time, one each step.
func flood(ctx context.Context, step time.Duration) (flooded, error) {
	var f flooded
	before := heapInUse()
	set, err := limiter.New(limiter.Options{Limits: []limiter.Limit{perClient}, Keys: limitKeys})
	if err != nil {
		return f, err
	}
	asks := []limiter.Ask{{Limiter: set.Limiter(perClient.Name)}}
	now := time.Now()
	passes := func(address uint32) bool {
		asks[0].Key = limiter.ClientKey(ipv4(address))
		return set.Take(ctx, now, asks)
	}
	offender := func(i int) uint32 { return 10<<24 + uint32(i) }
	for i := range limitOffenders { // before the flood comes
		for passes(offender(i)) {
			f.offended++
		}
	}
	apart := int(50 * time.Millisecond / limitOffenders / step) // clients from one offender to the next
	took, decisions := time.Duration(0), 0
	for i := 0; i < limitClients; i += apart {
		began := time.Now()
		for j := range apart {
			now = now.Add(step)
			if !passes(11<<24 + uint32(i+j)*3643) { // anywhere in IPv4
				f.refused++
			}
		}
		took, decisions = took+time.Since(began), decisions+apart
		if passes(offender(i / apart % limitOffenders)) {
			f.offended++
		}
	}
	allowed := perClient.Burst + int(float64(decisions)*step.Seconds()*perClient.Rate)
	f.beyond = max(f.offended-limitOffenders*allowed, 0)
	stats := set.Limiter(perClient.Name).Stats()
	f.keys, f.networks = stats.Keys, stats.Networks
	f.decision = took / time.Duration(decisions)
	f.bytes = heapInUse() - before
	runtime.KeepAlive(set)
	return f, ctx.Err()
}

func ipv4(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what a first cycle has only marked
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
