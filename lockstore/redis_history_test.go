package lockstore_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/lockstore"
)

// change is what happens to a session's lease: a turn begins, or ends.
type change struct {
	key   lockstore.Key
	turn  int
	begin bool
	fence uint64
}

// holder is who runs, and the last fence.
type holder struct {
	turn  int // 0: nobody
	fence uint64
}

var singleHolder = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := make(map[lockstore.Key][]porcupine.Operation)
		for _, op := range history {
			k := op.Input.(change).key
			byKey[k] = append(byKey[k], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return holder{} },
	Step: func(state, input, _ any) (bool, any) {
		s, in := state.(holder), input.(change)
		switch {
		case in.begin:
			return s.turn == 0 && in.fence > s.fence, holder{turn: in.turn, fence: in.fence}
		case s.turn == in.turn:
			return true, holder{fence: s.fence}
		}
		return false, s
	},
}

// record is the history of what several gates did at once.
type record struct {
	start time.Time

	mu      sync.Mutex
	turns   int
	history []porcupine.Operation
}

func (r *record) now() int64 { return time.Since(r.start).Nanoseconds() }

// request takes a turn, or leaves before it comes, and notes both ends of the
// turn and of the calls. A turn that was lost may have ended at any time.
func (r *record) request(t *testing.T, gate *lockstore.Redis, rng *rand.Rand) {
	req := lockstore.Request{Key: lockstore.Key{0: byte(rng.IntN(2))}}
	if rng.IntN(4) == 0 {
		req.Mode = lockstore.Barrier
	}
	if rng.IntN(5) == 0 {
		req.Timeout = time.Duration(rng.IntN(3000)) * time.Microsecond
	}
	came := r.now()
	turn, err := gate.Acquire(t.Context(), req)
	began := r.now()
	if err != nil {
		if !errors.Is(err, lockstore.ErrTimeout) {
			t.Errorf("Acquire: %v", err)
		}
		return
	}
	turn.Release()
	ended := r.now()
	from := began
	if req.Mode == lockstore.Barrier || errors.Is(context.Cause(turn.Context()), lockstore.ErrLost) {
		from = came // a barrier ends in the moment in which it begins
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turns++
	r.history = append(
		r.history,
		porcupine.Operation{Input: change{key: req.Key, turn: r.turns, begin: true, fence: turn.Fence()}, Call: came, Return: began},
		porcupine.Operation{Input: change{key: req.Key, turn: r.turns}, Call: from, Return: ended},
	)
}

// Whatever three gates do at once on a real Redis, some order explains it in which
// one turn of a session runs at a time, on rising fences.
func TestRedisHistoryIsThatOfOneLock(t *testing.T) {
	server := redistest.Start(t)
	seed := rand.Uint64()
	r := &record{start: time.Now()}
	var all sync.WaitGroup
	for n := range 3 {
		gate := openRedis(t, server.Address(), lockstore.RedisOptions{})
		for w := range 4 {
			rng := rand.New(rand.NewPCG(seed, uint64(10*n+w)))
			all.Go(func() {
				for range 15 {
					r.request(t, gate, rng)
				}
			})
		}
	}
	all.Wait()
	if result := porcupine.CheckOperationsTimeout(singleHolder, r.history, 30*time.Second); result != porcupine.Ok {
		t.Errorf("seed %d: %v: no order explains %d turns: %+v", seed, result, r.turns, r.history)
	}
}
