package rules

import (
	"net/netip"
	"time"
)

// Rule is what an operator writes. A nil field says nothing.
type Rule struct {
	Name  string
	Match Match

	Lock             *LockMode
	RejectBusy       *bool
	Reject           *bool
	Status           *int
	Upstream         *string
	Cookie           *string
	Header           *string
	LockGroup        *string
	MaxWaiting       *int
	WaitTimeout      *time.Duration
	ForwardOnTimeout *bool
	Unattended       *bool
	RedirectOutdated *bool
	MaxHold          *time.Duration
	MaxBodySize      *int64
	ReleaseOnHeaders *bool
	ReleaseDelay     *time.Duration
	OnStoreFailure   *StoreFailure
	Priority         *Priority
	Shadow           *bool
	Limits           []string // all that apply
	Concurrency      []string // all that apply
}

// Match holds when all its fields hold. A nil field holds for every request; a
// list holds when one of its entries does.
//
// Globs: "*" is any run of characters, "\" takes the next character as it is,
// and "?", "[", "]", "{", "}" must be written with "\". In a path "*" stops at
// slashes and "**" does not; elsewhere both are the same. A glob matches the
// whole text: "/static/**" does not match "/static".
type Match struct {
	Host      []string // globs, without port; case does not count
	Path      []string // globs on the path of NormalizePath; case counts
	PathRegex []string // RE2 on the same path, and on all of it; "." is any character
	// Method: upper case. A request that names other methods, too
	// (X-HTTP-Method-Override, _method), must have all of them in the list; for a
	// rule that rejects one is enough.
	Method    []string
	UserAgent []string // globs; case does not count. Without the header it is ""
	// Bot: whether the user agent is a known crawler's (package botua).
	Bot    *bool
	Client []netip.Prefix
	Header []NameValue // a header that was not sent matches no value
	Query  []NameValue
	// Session: whether a session is present, as the rule's own Cookie and
	// Header say, or those of the base policy.
	Session *bool
}

// NameValue matches a header, or a query argument that PHP reads as a string.
// Arrays (a[]=x) have no one value: only a Value of "*" matches them.
type NameValue struct {
	Name  string // of an argument PHP's name for it: "my.arg" and "my_arg" are one
	Value string // glob; "*" is any
}

// over returns base with what the rule says on top.
func (r *Rule) over(base Policy) Policy {
	p := base
	p.Rule = r.Name
	set(&p.Lock, r.Lock)
	set(&p.RejectBusy, r.RejectBusy)
	set(&p.Reject, r.Reject)
	set(&p.Status, r.Status)
	set(&p.Upstream, r.Upstream)
	set(&p.Cookie, r.Cookie)
	set(&p.Header, r.Header)
	set(&p.LockGroup, r.LockGroup)
	set(&p.MaxWaiting, r.MaxWaiting)
	set(&p.WaitTimeout, r.WaitTimeout)
	set(&p.ForwardOnTimeout, r.ForwardOnTimeout)
	set(&p.Unattended, r.Unattended)
	set(&p.RedirectOutdated, r.RedirectOutdated)
	set(&p.MaxHold, r.MaxHold)
	set(&p.MaxBodySize, r.MaxBodySize)
	set(&p.ReleaseOnHeaders, r.ReleaseOnHeaders)
	set(&p.ReleaseDelay, r.ReleaseDelay)
	set(&p.OnStoreFailure, r.OnStoreFailure)
	set(&p.Priority, r.Priority)
	set(&p.Shadow, r.Shadow)
	if r.Limits != nil {
		p.Limits = r.Limits
	}
	if r.Concurrency != nil {
		p.Concurrency = r.Concurrency
	}
	return p
}

func set[T any](field, said *T) {
	if said != nil {
		*field = *said
	}
}
