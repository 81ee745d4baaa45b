package config

import (
	"net/netip"
	"time"
)

// Rule says what is different for the requests it matches. A nil field says
// nothing: what holds then stands in lock, server or the upstream.
type Rule struct {
	Name           string          `mapstructure:"name"` // stands in logs and metrics; must be said
	Match          Match           `mapstructure:"match"`
	Lock           *LockMode       `mapstructure:"lock"`
	Busy           *Busy           `mapstructure:"busy"`
	Enforce        *bool           `mapstructure:"enforce"` // not said: as in lock; of action: reject, too
	Action         *Action         `mapstructure:"action"`  // not said: forward
	Status         *int            `mapstructure:"status"`  // of action: reject; 400 to 599; not said: 403
	Limits         []Limit         `mapstructure:"limits"`
	SkipLimits     *bool           `mapstructure:"skip_limits"` // true: only the rule's own limits hold, and no concurrency; not said: false
	Upstream       *string         `mapstructure:"upstream"`    // name of an upstream; not said: the first
	Session        SessionNames    `mapstructure:"session"`
	Priority       *Priority       `mapstructure:"priority"` // in the queue for a slot; not said: normal
	MaxWaiting     *int            `mapstructure:"max_waiting"`
	WaitTimeout    *time.Duration  `mapstructure:"wait_timeout"`
	OnWaitTimeout  *OnWaitTimeout  `mapstructure:"on_wait_timeout"`
	OnClientGone   *OnClientGone   `mapstructure:"on_client_gone"`
	OnIDChange     *OnIDChange     `mapstructure:"on_id_change"`
	MaxHold        *time.Duration  `mapstructure:"max_hold"`
	MaxBodySize    *Size           `mapstructure:"max_body_size"`
	ReleaseOn      *ReleaseOn      `mapstructure:"release_on"`
	ReleaseDelay   *time.Duration  `mapstructure:"release_delay"`
	OnStoreFailure *OnStoreFailure `mapstructure:"on_store_failure"`
	LockGroup      *string         `mapstructure:"lock_group"` // a line of its own within the session; not said: the session's own
}

// Match holds for a request when all its fields hold. A nil field holds for
// every request; a list holds when one of its entries does.
type Match struct {
	Host      []string       `mapstructure:"host"`       // globs
	Path      []string       `mapstructure:"path"`       // globs on the normalised path; ** crosses slashes
	PathRegex []string       `mapstructure:"path_regex"` // RE2, on all of the same path
	Method    []string       `mapstructure:"method"`     // upper case; with all that the request is overridden to
	UserAgent []string       `mapstructure:"user_agent"` // globs, case folded; without the header it is ""
	Bot       *bool          `mapstructure:"bot"`        // whether the user agent is a known crawler's
	Client    []netip.Prefix `mapstructure:"client"`     // addresses of clients
	Header    []NameValue    `mapstructure:"header"`     // as the application gets them: several lines are joined
	Query     []NameValue    `mapstructure:"query"`      // arguments as PHP reads them: the last one counts
	Session   *bool          `mapstructure:"session"`    // whether a session is present
}

// NameValue matches a header or a query argument.
type NameValue struct {
	Name  string `mapstructure:"name"`  // exact; must be said
	Value string `mapstructure:"value"` // glob; not said: "*", any value
}

// Limit bounds the rate of requests by key.
type Limit struct {
	Name    string      `mapstructure:"name"`    // must be said in limits; not said in a rule: its place there
	Key     LimitKey    `mapstructure:"key"`     // what is counted apart; not said: client
	Rate    RequestRate `mapstructure:"rate"`    // requests per second; 0: no limit
	Burst   int         `mapstructure:"burst"`   // requests at once; not said: 1; at least 1
	Scope   Scope       `mapstructure:"scope"`   // not said: local
	Enforce bool        `mapstructure:"enforce"` // not said: true; false: count only
}

// Concurrency bounds the requests that are in the gate at once, by key.
type Concurrency struct {
	Name    string   `mapstructure:"name"`    // must be said
	Key     LimitKey `mapstructure:"key"`     // not said: client
	Max     int      `mapstructure:"max"`     // requests; 0: no limit
	Enforce bool     `mapstructure:"enforce"` // not said: true; false: count only
}
