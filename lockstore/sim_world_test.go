package lockstore

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/anishathalye/porcupine"
)

// world is a deterministic simulation of gates, a network and a Redis: one
// goroutine, a clock of its own, and a seed that decides everything.
type world struct {
	seed   uint64
	rng    *rand.Rand
	faults faults
	now    time.Duration
	agenda agenda
	events int

	redis    *scriptModel
	step     time.Duration // how far Redis's clock was set
	away     bool          // nobody reaches Redis
	gates    []*simGate
	named    map[string]*simGate
	keys     []Key
	messages []simMessage // published by the call that runs now
	taken    map[leaseName]takenLease
	running  []*simTurn // exclusive turns

	quiet        time.Duration // from when on nothing goes wrong; 0: not yet
	upset        time.Duration // the last flush, failover or step of the clock forward
	crashed      bool
	marks        int64
	byThemselves bool // gates have given turns by themselves
	idleSince    map[Key]time.Duration
	watermark    map[Key]mark
	history      []porcupine.Operation

	tracing bool
	trace   []string
	failure string
}

// leaseName names a lease for good.
type leaseName struct {
	key   Key
	token uint64
}

// takenLease is when Redis gave a lease, and whose.
type takenLease struct {
	at           time.Duration
	owner        string
	conversation uint64
}

// mark is the latest fence of a session.
type mark struct {
	fence uint64
	at    time.Duration
}

// faults are the odds, in thousandths, of what goes wrong in one run.
type faults struct {
	slow, late       int // calls: a few hundred milliseconds; seconds, after their time-out
	lose, mute       int // a call never runs; it runs and its answer is lost
	twice            int // a call runs twice
	dropped, delayed int // messages
	repeated         int
	leave            int // clients
	upsets           int // how many of the things below happen in the run
	crash, pause, flush, failover, cut, away, forward, back,
	deaf bool
	cluster bool
}

func (f faults) none() bool {
	return f.slow+f.late+f.lose+f.mute+f.twice+f.dropped+f.delayed+f.repeated+f.upsets == 0
}

// drawFaults makes one run in ten go without any, and every other with a few.
func drawFaults(rng *rand.Rand) faults {
	f := faults{cluster: rng.IntN(3) == 0}
	if rng.IntN(2) == 0 {
		f.leave = 300
	}
	if rng.IntN(10) == 0 {
		return f
	}
	for _, odds := range []*int{&f.slow, &f.late, &f.lose, &f.mute, &f.twice, &f.dropped, &f.delayed, &f.repeated} {
		if rng.IntN(2) == 0 {
			*odds = 10 + rng.IntN(150)
		}
	}
	for _, on := range []*bool{&f.crash, &f.pause, &f.flush, &f.failover, &f.cut, &f.away, &f.deaf} {
		*on = rng.IntN(3) == 0
	}
	switch rng.IntN(8) {
	case 0:
		f.forward = true
	case 1: // tokens rise nevertheless, where nothing forgets them
		f.back, f.flush, f.failover, f.away, f.cut, f.crash, f.lose, f.late = true, false, false, false, false, false, 0, 0
	}
	f.upsets = rng.IntN(6)
	return f
}

// happening is something that happens at an instant; with a gate, to it.
type happening struct {
	at   time.Duration
	seq  int
	gate *simGate
	do   func()
	off  bool
}

type agenda []*happening

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].seq < a[j].seq
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(*happening)) }
func (a *agenda) Pop() any {
	old := *a
	last := old[len(old)-1]
	*a = old[:len(old)-1]
	return last
}

func (w *world) at(in time.Duration, g *simGate, do func()) *happening {
	w.events++
	h := &happening{at: w.now + max(in, 0), seq: w.events, gate: g, do: do}
	heap.Push(&w.agenda, h)
	return h
}

func (w *world) odds(thousandths int) bool {
	return w.quiet == 0 && thousandths > 0 && w.rng.IntN(1000) < thousandths
}

func (w *world) between(low, high time.Duration) time.Duration {
	return low + time.Duration(w.rng.Int64N(int64(high-low)))
}

func (w *world) logf(format string, args ...any) {
	if w.tracing {
		w.trace = append(w.trace, fmt.Sprintf("%9.3f  ", float64(w.now.Microseconds())/1000)+fmt.Sprintf(format, args...))
	}
}

func (w *world) failf(format string, args ...any) {
	if w.failure == "" {
		w.failure = fmt.Sprintf(format, args...)
		w.logf("FAILED %s", w.failure)
	}
}

func (w *world) redisNow() int64 { return epoch.Add(w.now + w.step).UnixMicro() }

// run lets everything happen until nothing is left to happen, or something is
// wrong.
func (w *world) run() {
	for len(w.agenda) > 0 && w.failure == "" {
		h := heap.Pop(&w.agenda).(*happening)
		if h.off {
			continue
		}
		w.now = h.at
		switch g := h.gate; {
		case g == nil:
			h.do()
		case g.crashed:
			continue
		case g.paused:
			g.deferred = append(g.deferred, h)
			continue
		default:
			h.do()
		}
		w.sendAll()
		w.observe()
		if w.now > w.quiet+5*time.Minute && w.quiet > 0 {
			w.failf("it does not come to an end")
		}
	}
	if w.failure == "" {
		w.checkEnd()
	}
}

// upsetNow notes that leases given before may overlap with later ones.
func (w *world) upsetNow(what string) {
	w.logf("REDIS %s", what)
	w.upset = w.now
}

// newWorld makes the gates, and plans requests and upsets.
func newWorld(seed uint64, tracing bool) *world {
	w := &world{
		seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), redis: newScriptModel(), tracing: tracing, upset: -1,
		named: make(map[string]*simGate), taken: make(map[leaseName]takenLease),
		idleSince: make(map[Key]time.Duration), watermark: make(map[Key]mark),
	}
	w.faults = drawFaults(w.rng)
	w.logf("seed %d: %+v", seed, w.faults)
	w.redis.publish = w.publish
	w.redis.took = func(k Key, owner string, conversation, token uint64) {
		w.taken[leaseName{k, token}] = takenLease{at: w.now, owner: owner, conversation: conversation}
	}
	for n := range 1 + w.rng.IntN(5)/3 {
		w.keys = append(w.keys, Key{0: byte(n + 1)})
	}
	for range 2 + w.rng.IntN(2) {
		w.addGate()
	}
	w.planRequests()
	w.planUpsets()
	w.at(upsetsEnd, nil, w.calmDown)
	return w
}
