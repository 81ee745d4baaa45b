package admission

// Priority is whose requests go before those of others.
type Priority uint8

const (
	Normal Priority = iota
	High
	Low
)

// Priorities lists them, the first to go first.
func Priorities() []Priority { return []Priority{High, Normal, Low} }

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

// rank is the place of a priority's class: the smaller goes first.
func (p Priority) rank() int {
	switch p {
	case High:
		return 0
	case Low:
		return 2
	case Normal:
	}
	return 1
}

// At most so many slots in a row go to other priorities while somebody of this
// one may go.
const (
	NormalPassedOver = 5
	LowPassedOver    = 20
)

// due is how often in a row each class may be passed over before it is the next:
// low's claim goes before normal's, which then is passed over once more.
var due = [...]int{1: NormalPassedOver - 1, 2: LowPassedOver}

// class is those who wait with one priority.
type class struct {
	ring   list[*flow] // clients that may have another slot, the next one first
	places int
	passed int // slots in a row that went to others while somebody here could go

	lengths []*list[*flow] // by how many places they have
	longest int            // the most that any has
}

// choose finds the class that the next slot goes to; nil: nobody may go.
func (q *Queue) choose() *class {
	var chosen *class
	for rank := len(q.classes) - 1; rank >= 0; rank-- {
		c := &q.classes[rank]
		if c.ring.empty() {
			continue
		}
		chosen = c
		if rank > 0 && c.passed >= due[rank] {
			break
		}
	}
	return chosen
}

// passOver counts a slot that went to one class.
func (q *Queue) passOver(chosen *class) {
	for rank := range q.classes {
		switch c := &q.classes[rank]; {
		case c == chosen:
			c.passed = 0
		case !c.ring.empty():
			c.passed++
		}
	}
}
