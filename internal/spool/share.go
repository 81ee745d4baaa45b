package spool

import (
	"hash/maphash"
	"sync"
)

// Client says whose answers a pipe's bytes count among. The zero value is
// nobody's: they count for the process alone.
type Client struct {
	Key string

	// What the answers of the client may have together, in bytes; 0 is no limit.
	// The newest pipe's numbers hold for all of them. It is never more than half
	// of what all answers may have.
	Memory, Disk int64
}

// share is what the answers of one client have of the budgets. It is there for
// as long as somebody holds it: a pipe with more than its first buffer, a file.
type share struct {
	memory, disk budget

	shard   *shard
	key     string
	holders int // guarded by the shard's mutex
}

// shares finds the share of a client. There are many mutexes, so that requests
// of different clients hardly meet.
type shares struct {
	answers budgets
	seed    maphash.Seed
	shards  [64]shard
}

type shard struct {
	mu     sync.Mutex
	shares map[string]*share
}

// budgets are a budget of each kind.
type budgets struct{ memory, disk *budget }

func newShares(answers budgets) *shares {
	s := &shares{answers: answers, seed: maphash.MakeSeed()}
	for i := range s.shards {
		s.shards[i].shares = make(map[string]*share)
	}
	return s
}

// hold returns the client's share, which the caller then holds, too; nil where
// there is no bound for it.
func (s *shares) hold(c Client) *share {
	if c.Key == "" || c.Memory <= 0 && c.Disk <= 0 {
		return nil
	}
	at := &s.shards[maphash.String(s.seed, c.Key)%uint64(len(s.shards))]
	memory, disk := atMostHalf(c.Memory, s.answers.memory), atMostHalf(c.Disk, s.answers.disk)
	at.mu.Lock()
	defer at.mu.Unlock()
	known := at.shares[c.Key]
	if known == nil {
		known = &share{memory: budget{whole: s.answers.memory}, disk: budget{whole: s.answers.disk}, shard: at, key: c.Key}
		at.shares[c.Key] = known
	}
	known.memory.bound(memory)
	known.disk.bound(disk)
	known.holders++
	return known
}

// atMostHalf keeps one client from having all: 0 stays no limit.
func atMostHalf(limit int64, all *budget) int64 {
	if limit <= 0 {
		return 0
	}
	return min(limit, max(1, all.limit.Load()/2))
}

// again is for a further holder, by one that holds it.
func (s *share) again() {
	s.shard.mu.Lock()
	s.holders++
	s.shard.mu.Unlock()
}

// leave ends one hold. Nothing may be charged for that holder any more.
func (s *share) leave() {
	s.shard.mu.Lock()
	defer s.shard.mu.Unlock()
	if s.holders--; s.holders == 0 {
		delete(s.shard.shares, s.key)
	}
}

// count is the number of shares, for tests.
func (s *shares) count() (n int) {
	for i := range s.shards {
		at := &s.shards[i]
		at.mu.Lock()
		n += len(at.shares)
		at.mu.Unlock()
	}
	return n
}
