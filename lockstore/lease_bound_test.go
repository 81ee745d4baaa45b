package lockstore

import (
	"testing"
	"time"
)

// Redis's time was later than the sending of the call by at least what it took
// to get there: the least difference is the closest bound.
func TestBoundIsTheLeastThatWasSeen(t *testing.T) {
	var b bound
	server := func(at time.Time) int64 { return at.Add(time.Hour).UnixMicro() }
	for _, way := range []time.Duration{300 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond} {
		sent := epoch.Add(time.Second)
		b.sample(epoch, sent, server(sent.Add(way)))
	}
	now := epoch.Add(5 * time.Second)
	got, known := b.latest(epoch, now)
	if want := server(now) + 20_000; !known || got != want {
		t.Errorf("%d, %v: want %d, the bound of the fastest call", got, known, want)
	}
}

func TestBoundForgetsOldSamples(t *testing.T) {
	var b bound
	b.sample(epoch, epoch, 1_000_000)
	at := epoch.Add(boundWindow)
	b.sample(epoch, at, 3_000_000+at.Sub(epoch).Microseconds())
	if got, _ := b.latest(epoch, at); got != 1_000_000+at.Sub(epoch).Microseconds() {
		t.Errorf("%d: the window before counts as well", got)
	}
	at = at.Add(boundWindow)
	b.sample(epoch, at, 3_000_000+at.Sub(epoch).Microseconds())
	if got, _ := b.latest(epoch, at); got != 3_000_000+at.Sub(epoch).Microseconds() {
		t.Errorf("%d: the window before the last one counts no more", got)
	}
	if _, known := b.latest(epoch, at.Add(2*boundWindow)); known {
		t.Error("known from a sample that is too old")
	}
}
