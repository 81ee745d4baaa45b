package limiter

import "time"

// Decision is what one limit says of one request.
type Decision struct {
	// Allowed: the bucket had room for the request.
	Allowed bool
	// Remaining is how many more would be let through now.
	Remaining int
	// RetryAfter is how long a key that was refused has to wait; 0 where Allowed.
	RetryAfter time.Duration
	// Reset is how long the bucket needs to be full again.
	Reset time.Duration
	// ByNetwork: the key was not known, there was no room, and its network was
	// judged in its place.
	ByNetwork bool
	// StandIn: Redis was not there to ask, and this process judged.
	StandIn bool
}

// Ask asks one limit about one request; Set.Take fills in the Decision.
type Ask struct {
	Limiter *Limiter
	Key     Key
	// Shadow: this request is not held up, whatever the limit says.
	Shadow bool

	Decision Decision

	asked bool // charged, or refused: the decision is one
}

// Refuses says that the request has to be refused for this limit.
func (a *Ask) Refuses() bool {
	return a.asked && !a.Decision.Allowed && a.Limiter.limit.Enforce && !a.Shadow
}

// WouldRefuse says that it would have to be, were it not for shadow mode.
func (a *Ask) WouldRefuse() bool {
	return a.asked && !a.Decision.Allowed && !a.Refuses()
}

// Refusal returns the ask that refuses for the longest, nil where none does.
func Refusal(asks []Ask) *Ask {
	var longest *Ask
	for i := range asks {
		a := &asks[i]
		if a.Refuses() && (longest == nil || a.Decision.RetryAfter > longest.Decision.RetryAfter) {
			longest = a
		}
	}
	return longest
}
