package lockstore

// Events are called when something happens that an operator should know of.
// Each may be nil; none may block or call the store.
type Events struct {
	// Failed: a call to Redis failed; kind is one of FailureKinds.
	Failed func(kind string, err error)
	// Away: the authority cannot be asked any more (err says why), or is back (nil).
	Away func(err error)
	// TakenOver: a turn was granted because the lease of another gate ran out.
	TakenOver func(Key)
	// Overlapped: a lease that was given back was not the gate's any more, for
	// Redis had forgotten it and given it to another: requests of both may have
	// run at once.
	Overlapped func(Key)
	// Refused: this gate must not work beside the others from now on, for the
	// reason given, or cannot without somebody's doing; nil: it may again.
	Refused func(reason error)
	// Trouble: what is wrong with which server, as far as the servers say; it may
	// pass by itself.
	Trouble func(err error)
	// Notice: a setting of the server is doubtful.
	Notice func(message string)
}
