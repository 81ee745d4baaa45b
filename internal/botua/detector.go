package botua

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

const (
	// maxLength is how much of a user agent is looked at. The longest of the
	// data has 383 bytes.
	maxLength = 512
	// entries are the answers that a Detector keeps, in sets of ways.
	entries = 4096
	ways    = 4
)

// Detector tells crawlers from others and remembers the last answers: there are
// few user agents and many requests. Make it with New. It may be used by any
// number of goroutines and takes no lock.
//
// It keeps 4,096 answers (2.5 MB at most), each in one of four places that a
// keyed hash of the user agent names. A flood of made-up user agents drives
// answers out, and costs each request what finding one costs; it can neither
// fill memory nor aim at places.
type Detector struct {
	index *index
	seed  maphash.Seed
	sets  [entries / ways][ways]atomic.Pointer[answer]
}

type answer struct {
	userAgent string
	bot       bool
}

// New returns a detector that knows the built-in data.
func New() *Detector {
	return &Detector{index: known(), seed: maphash.MakeSeed()}
}

// IsBot reports whether a user agent is a known crawler's. None ("") is nobody's.
func (d *Detector) IsBot(userAgent string) bool {
	if len(userAgent) > maxLength {
		userAgent = userAgent[:maxLength]
	}
	sum := maphash.String(d.seed, userAgent)
	set := &d.sets[sum%uint64(len(d.sets))]
	for way := range set {
		if known := set[way].Load(); known != nil && known.userAgent == userAgent {
			return known.bot
		}
	}
	// A copy: the request's header must not stay in memory for as long.
	found := &answer{userAgent: strings.Clone(userAgent), bot: d.index.matches(userAgent)}
	for way := range set {
		if set[way].CompareAndSwap(nil, found) {
			return found.bot
		}
	}
	set[sum>>32%ways].Store(found)
	return found.bot
}
