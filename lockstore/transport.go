package lockstore

import "time"

// turnCall is a call of turn.lua: it ends conversations up to over, goes on with
// ask, or both. 0 is no conversation.
type turnCall struct {
	key      Key
	node     string // the server that has the key
	over     uint64
	spent    uint64    // greatest fence used up to over
	ask      uint64    // 0: only end
	arrival  int64     // of the request that asks, in Redis time, microseconds; 0 and less: so long ago
	outdates bool      // over has made the key one of no use to those who wait
	serial   uint64    // of the gate's calls
	until    time.Time // over had the lease, and has it until then at least; zero: not known
	sent     time.Time
}

// renewCall is a call of renew.lua.
type renewCall struct {
	key          Key
	node         string // the server that has the key
	conversation uint64
	token        uint64
	spent        uint64
	ttl          time.Duration // from the moment in which Redis runs it
	sent         time.Time
}

// turnOutcome is the first number that turn.lua returns.
type turnOutcome int64

const (
	notAsked turnOutcome = iota
	taken                // the lease is mine, since this call
	kept                 // the lease is mine, as it was before
	queued               // another gate has it, or comes before
	stale                // a newer conversation of this gate is known
)

type turnReply struct {
	outcome    turnOutcome
	token      uint64
	rest       time.Duration // of the lease that is in the way
	waiting    int           // other gates
	ranOut     bool          // the lease before ended by its TTL
	overlapped bool          // what is over had no lease any more, and another was given since
	now        int64         // Redis time, microseconds, or later; 0: not said
}

// mine says that Redis takes this gate for the holder.
func (r turnReply) mine() bool { return r.outcome == taken || r.outcome == kept }

// renewOutcome is the first number that renew.lua returns.
type renewOutcome int64

const (
	renewLost renewOutcome = iota
	renewed
	restored // Redis did not know the lease and has it again
)

type renewReply struct {
	outcome renewOutcome
	waiting int
	now     int64 // Redis time, microseconds
}

// transport carries calls to Redis. A call may be lost, run late, or overtake
// another; its answer comes once, from another goroutine or later, an error
// after twice redis.timeout at the latest: it may wait once as long to be sent,
// and once for the answer. An error does not say that the call has not run.
type transport interface {
	turn(turnCall, func(turnReply, error))
	renew(renewCall, func(renewReply, error))
	// node names the server that has a key: its clock, and whether it can be
	// reached, are its own.
	node(Key) string
}

// grant is the message that the lease was taken for a waiting gate.
type grant struct {
	key          Key
	conversation uint64
	token        uint64
	expiry       int64 // Redis time, microseconds
	waiting      int   // other gates
	ranOut       bool  // the lease before ended by its TTL
}
