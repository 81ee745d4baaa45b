package limiter

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Scope says who counts together.
type Scope string

const (
	ScopeLocal  Scope = "local"  // this process
	ScopeShared Scope = "shared" // all that use the same Redis with the same prefix
)

// Limit is what is said of one bound on a rate. All but Enforce makes it what it
// is: a change of anything else begins anew.
type Limit struct {
	Name    string  // printable ASCII without braces, one of a kind in a set
	Key     string  // the caller's word for what is counted apart, "client"; a-z, 0-9, _ and -
	Rate    float64 // requests a second; above 0, at most 1,000,000,000
	Burst   int     // requests at once; 1 to 1,000,000,000
	Scope   Scope   // "": local
	Enforce bool    // false: refusals are told and hold nobody up
}

// longest is how long a bucket may take to fill.
const longest = 366 * 24 * time.Hour

// maxBurst fits into header fields and into numbers of Lua.
const maxBurst = 1000000000 // and the greatest rate: one a nanosecond

// fastestShared is the rate at which whole microseconds are wrong by 1 %.
const fastestShared = 20000

// ErrLimit says that a limit cannot be as it was said.
var ErrLimit = errors.New("limiter: bad limit")

// complete fills in what was not said and refuses what cannot be.
func (l *Limit) complete() error {
	if l.Scope == "" {
		l.Scope = ScopeLocal
	}
	switch {
	case !validName(l.Name):
		return fmt.Errorf("%w: the name %q; %s", ErrLimit, l.Name, nameForm)
	case !validWord(l.Key):
		return fmt.Errorf("%w %q: the key %q; %s", ErrLimit, l.Name, l.Key, wordForm)
	case l.Scope != ScopeLocal && l.Scope != ScopeShared:
		return fmt.Errorf("%w %q: scope %q; it is %q or %q", ErrLimit, l.Name, l.Scope, ScopeLocal, ScopeShared)
	case !(l.Rate > 0 && l.Rate <= maxBurst): // NaN is neither
		return fmt.Errorf("%w %q: rate %v; it has to be above 0, and at most %d", ErrLimit, l.Name, l.Rate, maxBurst)
	case l.Burst < 1 || l.Burst > maxBurst:
		return fmt.Errorf("%w %q: burst %d; it has to be 1 to %d", ErrLimit, l.Name, l.Burst, maxBurst)
	case float64(l.Burst)/l.Rate > longest.Seconds():
		return fmt.Errorf("%w %q: a burst of %d at this rate takes more than a year to come back", ErrLimit, l.Name, l.Burst)
	case l.Scope == ScopeShared && l.Rate > fastestShared:
		return fmt.Errorf("%w %q: %v requests a second; a shared limit has at most %d, for it counts in whole microseconds", ErrLimit, l.Name, l.Rate, fastestShared)
	}
	return nil
}

// Interval is the time in which one request is refilled.
func (l Limit) Interval() time.Duration {
	return time.Duration(math.Round(float64(time.Second) / l.Rate))
}

// Window is the time in which an empty bucket fills.
func (l Limit) Window() time.Duration {
	return time.Duration(math.Ceil(float64(l.Burst) / l.Rate * float64(time.Second)))
}

// same says that b goes on where a was.
func same(a, b Limit) bool {
	a.Enforce = b.Enforce
	return a == b
}
