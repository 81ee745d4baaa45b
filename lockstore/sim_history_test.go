package lockstore

import "github.com/anishathalye/porcupine"

// leaseInput is what happens to a lease, for porcupine: a turn begins, or ends.
type leaseInput struct {
	key   Key
	turn  int
	begin bool
	fence uint64
}

// leaseState is who runs, and the last fence.
type leaseState struct {
	turn  int // -1: nobody
	fence uint64
}

// oneTurnAtATime is the lock in its plainest words.
var oneTurnAtATime = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := make(map[Key][]porcupine.Operation)
		for _, op := range history {
			k := op.Input.(leaseInput).key
			byKey[k] = append(byKey[k], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return leaseState{turn: -1} },
	Step: func(state, input, _ any) (bool, any) {
		s, in := state.(leaseState), input.(leaseInput)
		switch {
		case in.begin:
			return s.turn < 0 && in.fence > s.fence, leaseState{turn: in.turn, fence: in.fence}
		case s.turn == in.turn:
			return true, leaseState{turn: -1, fence: s.fence}
		}
		return false, s
	},
}

// mark is an instant that no other thing has.
func (w *world) mark() int64 {
	w.marks++
	return w.marks
}

// recordBegin notes a turn that has begun at some time since its request came.
func (w *world) recordBegin(t *simTurn) {
	w.record(t, true, t.came, t.began)
}

// recordEnd notes the end of a turn: now, or, where its lease was lost or its
// gate is dead, at some time since it began.
func (w *world) recordEnd(t *simTurn, lost bool) {
	from := w.mark()
	if lost {
		from = t.began
	}
	w.record(t, false, from, w.mark())
}

func (w *world) record(t *simTurn, begin bool, from, to int64) {
	if !t.turn.local {
		w.history = append(w.history, porcupine.Operation{
			Input: leaseInput{key: t.request.Key, turn: t.number, begin: begin, fence: t.turn.fence}, Call: from, Return: to,
		})
	}
}

// checkHistory: there is an order of all that has happened in which one turn ran
// at a time, on rising fences. Nothing of that is promised where Redis forgot, its
// clock was set, or gates gave turns by themselves.
func (w *world) checkHistory() {
	if w.upset >= 0 || w.byThemselves || w.faults.back {
		return
	}
	if !porcupine.CheckOperations(oneTurnAtATime, w.history) {
		w.failf("no order explains what has happened: %+v", w.history)
	}
}
