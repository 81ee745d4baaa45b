package rules

import (
	"net/netip"

	"github.com/sessiongate/sessiongate/internal/botua"
)

// Request is what rules see of a request.
type Request struct {
	Host     string // as sent, with or without port
	Path     string // as NormalizePath returned it
	AsSent   string // as UnresolvedPath did
	Method   string
	RawQuery string // still encoded, without "?"
	// PathInfo: the application may be a tree of scripts, so that "/x.php/a" is
	// the script "/x.php", and "/a/" is "/a/index.php". A path then matches by
	// its script as well.
	PathInfo bool
	// Others are how else the path reads, to applications behind another index
	// script than the one that Path was made without. Mostly there are none.
	Others []Reading
	// Client is who sent the request. An invalid address is in no network.
	Client netip.Addr
	// Header returns the lines of a header as the application will get them, by
	// canonical name. nil is "no headers".
	Header func(name string) []string
	// HasSession reports whether a session id is in that cookie or header. It
	// is called only when a rule asks, and once for rules that ask the same (of
	// the first 64 pairs). nil is "no session".
	HasSession func(cookie, header string) bool
}

// Reading is how an application reads a path: the fields of Request.
type Reading struct {
	Path     string
	AsSent   string
	PathInfo bool
}

func (r *Request) reading() Reading {
	return Reading{Path: r.Path, AsSent: r.AsSent, PathInfo: r.PathInfo}
}

// Set is a compiled list of rules. It may be used by any number of goroutines.
type Set struct {
	base  Policy
	rules []compiled
	bots  *botua.Detector // nil: no rule asks
	names argumentNames
}

// Decide returns the policy of the first rule that matches, else the base
// policy. The policy is shared: do not change it.
func (s *Set) Decide(r *Request) *Policy { return s.from(0, r) }

// Behind decides as if a rule and those before it were not there: for a rule that
// would have refused the request, and is not enforced.
func (s *Set) Behind(p *Policy, r *Request) *Policy { return s.from(p.Number, r) }

// Policies are all that Decide may return, by their Number.
func (s *Set) Policies() []*Policy {
	all := []*Policy{&s.base}
	for i := range s.rules {
		all = append(all, &s.rules[i].policy)
	}
	return all
}

func (s *Set) facts(r *Request) facts { return facts{request: r, bots: s.bots, names: &s.names} }

func (s *Set) from(first int, r *Request) *Policy {
	facts := s.facts(r)
	defer facts.done()
	for i := first; i < len(s.rules); i++ {
		if s.rules[i].matches(&facts) {
			return &s.rules[i].policy
		}
	}
	return &s.base
}
