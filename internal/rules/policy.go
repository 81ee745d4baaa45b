package rules

import "time"

// LockMode says what a request needs of its session's line.
type LockMode uint8

const (
	Exclusive LockMode = iota // one at a time
	Barrier                   // waits for those before it, then runs without a turn
	None                      // does not wait
)

// String is the word used in the configuration.
func (m LockMode) String() string {
	switch m {
	case Exclusive:
		return "exclusive"
	case Barrier:
		return "barrier"
	case None:
		return "none"
	}
	return "unknown"
}

// StoreFailure says what becomes of a request that needs a turn while the lock
// authority is away.
type StoreFailure uint8

const (
	Local  StoreFailure = iota // the gate gives turns by itself
	Closed                     // refuse the request
	Open                       // forward it without a turn
)

// String is the word used in the configuration.
func (f StoreFailure) String() string {
	switch f {
	case Local:
		return "local"
	case Closed:
		return "closed"
	case Open:
		return "open"
	}
	return "unknown"
}

// Priority is a request's place before others where slots are scarce.
type Priority uint8

const (
	Normal Priority = iota
	High
	Low
)

// String is the word used in the configuration.
func (p Priority) String() string {
	switch p {
	case Normal:
		return "normal"
	case High:
		return "high"
	case Low:
		return "low"
	}
	return "unknown"
}

// Policy is what holds for a request. Policies are shared: read them only.
type Policy struct {
	Rule             string        // name of the rule; that of the base where none matched
	Number           int           // of the rule, from 1; 0: none matched. Compile counts
	Shadow           bool          // enforce: false: nobody is held up, what would have been is counted
	Lock             LockMode      //
	RejectBusy       bool          // 429 at once when somebody of the session is there
	Reject           bool          // refuse the request, with Status
	Status           int           // of a refusal by Reject
	Upstream         string        // name of the upstream; "" is the first
	Cookie           string        // PHP's session.name
	Header           string        // header with the session id; "" is none
	LockGroup        string        // a line of its own within the session; "" is the session's own
	MaxWaiting       int           // of one session; 0: no limit
	WaitTimeout      time.Duration // 0: no limit
	ForwardOnTimeout bool          // after WaitTimeout: forward without the turn
	Unattended       bool          // runs also where the client leaves before
	RedirectOutdated bool          // who waits while the session gets another id asks again
	MaxHold          time.Duration // 0: no limit
	MaxBodySize      int64         // bytes; 0: no limit
	ReleaseOnHeaders bool          // else at the end of the answer
	ReleaseDelay     time.Duration // the turn is kept so much longer
	OnStoreFailure   StoreFailure  // while the lock authority is away
	Priority         Priority      // in the queue for a slot
	Limits           []string      // names of the rate limits that apply
	Concurrency      []string      // names of the concurrency caps that apply
}
