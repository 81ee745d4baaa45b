package lockstore

import (
	"errors"
	"time"
)

// Mode says what a request needs of its session's line.
type Mode uint8

const (
	// Exclusive waits for the turn and keeps it until Release. The zero value.
	Exclusive Mode = iota
	// Barrier waits for the turn in order and passes it on at once: it sees
	// every earlier write and blocks nobody. For requests that read the
	// session and do not write it.
	Barrier
	// None does not touch the line at all.
	None
)

// Request asks for a turn.
type Request struct {
	Key Key
	// Client is whom the ticket is counted against; "" is counted for nobody.
	Client string
	Mode   Mode
	// RejectBusy turns waiting into ErrBusy.
	RejectBusy bool
	// Timeout bounds the wait; beyond it Acquire returns ErrTimeout. 0 is no
	// limit but that of the context.
	Timeout time.Duration
	// MaxWaiting bounds the tickets that wait in this key's line, as seen by
	// this request. 0 is no limit.
	MaxWaiting int
	// NoFallback turns a wait for an authority that is away into ErrAway.
	// Otherwise the gate then grants turns by itself.
	NoFallback bool
}

// Limits bound the waiting tickets of a store. 0 is no limit.
type Limits struct {
	PerClient int
	Total     int
}

// Refusals of Check and Acquire: nothing was taken.
var (
	ErrBusy        = errors.New("lockstore: the session is busy")
	ErrSessionFull = errors.New("lockstore: the session's line is full")
	ErrClientFull  = errors.New("lockstore: the client has too many requests waiting")
	ErrTotalFull   = errors.New("lockstore: too many requests waiting")
)

// ErrAway says that the authority cannot be asked and the request is not to run
// on the gate's own word.
var ErrAway = errors.New("lockstore: the lock authority is away")

// ErrTimeout says that the turn did not come within the request's Timeout.
var ErrTimeout = errors.New("lockstore: timed out waiting for the turn")

// Causes with which a Turn's context ends.
var (
	// ErrReleased: the turn was given back.
	ErrReleased = errors.New("lockstore: turn released")
	// ErrLost: the lease behind the turn was lost; somebody else may run.
	ErrLost = errors.New("lockstore: lease lost")
)
