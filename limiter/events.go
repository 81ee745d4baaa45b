package limiter

// Events are called when something happens that an operator should know of.
// Each may be nil; none may block.
type Events struct {
	// Crowded: a limit has had no room for new keys, and has judged so many
	// requests by their network since it was called last. It is called with the
	// first of them and then every ten seconds at most.
	Crowded func(limit string, decisions uint64)
}
