package limiter

import (
	"context"
	"fmt"
	"testing"
	"time"
)

func benchSet(b *testing.B, keys int) *Set {
	b.Helper()
	set, err := New(Options{Limits: []Limit{{Name: "a", Key: "client", Rate: 50, Burst: 200, Enforce: true}}, Keys: keys})
	if err != nil {
		b.Fatal(err)
	}
	return set
}

// BenchmarkTake is a decision on one of so many known keys.
func BenchmarkTake(b *testing.B) {
	for _, keys := range []uint32{1, 1000, 100000, 1000000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			set := benchSet(b, int(keys))
			asks := []Ask{{Limiter: set.Limiter("a")}}
			now := time.Now()
			for i := range keys {
				asks[0].Key = ClientKey(address(i))
				set.Take(context.Background(), now, asks)
			}
			b.ReportAllocs()
			var i uint32
			for b.Loop() {
				i += 2654435761 // anywhere
				asks[0].Key = ClientKey(address(i % keys))
				now = now.Add(time.Microsecond)
				set.Take(context.Background(), now, asks)
			}
		})
	}
}

// BenchmarkTakeParallel is the same on all processors at once, on one limit.
func BenchmarkTakeParallel(b *testing.B) {
	const keys = 100000
	set := benchSet(b, keys)
	b.RunParallel(func(pb *testing.PB) {
		asks := []Ask{{Limiter: set.Limiter("a")}}
		var i uint32
		for pb.Next() {
			i += 2654435761
			asks[0].Key = ClientKey(address(i % keys))
			set.Take(context.Background(), time.Now(), asks)
		}
	})
}

// BenchmarkTakeFlood is a decision on a key that is new, where the table is full:
// of keys that are worth nothing, and of keys in debt.
func BenchmarkTakeFlood(b *testing.B) {
	for name, step := range map[string]time.Duration{"room": time.Millisecond, "none": 0} {
		b.Run(name, func(b *testing.B) {
			const keys = 100000
			set := benchSet(b, keys)
			asks := []Ask{{Limiter: set.Limiter("a")}}
			now := time.Now()
			var i uint32
			take := func() {
				i++
				asks[0].Key = ClientKey(address(i))
				now = now.Add(step)
				set.Take(context.Background(), now, asks)
			}
			for range keys {
				take()
			}
			b.ReportAllocs()
			for b.Loop() {
				take()
			}
		})
	}
}

// BenchmarkEnter is a place of one cap, and leaving it.
func BenchmarkEnter(b *testing.B) {
	set, err := New(Options{Concurrency: []Concurrency{{Name: "a", Key: "client", Max: 10, Enforce: true}}})
	if err != nil {
		b.Fatal(err)
	}
	places := []Place{{Cap: set.Cap("a"), Key: ClientKey(address(1))}}
	b.ReportAllocs()
	for b.Loop() {
		leave, _ := Enter(places)
		leave()
	}
}
