package fault

import (
	"sync"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/lockstore"
)

func inCluster(c *redistest.Cluster) option {
	return func(o *lockstore.RedisOptions) { o.Addresses = c.Addresses() }
}

// spread are sessions by the primary that has them: so many of each.
func spread(t *testing.T, c *redistest.Cluster, each int) map[*redistest.Server][]int {
	t.Helper()
	found := make(map[*redistest.Server][]int)
	for n := 0; ; n++ {
		node := c.NodeOf(t, sessionKey(key(n)))
		if len(found[node]) < each {
			found[node] = append(found[node], n)
		}
		enough := len(found) == 3
		for _, sessions := range found {
			enough = enough && len(sessions) == each
		}
		if enough {
			return found
		}
	}
}

// TestSessionsPassBetweenGatesOnEveryNode: a grant is published on the node of
// its session, and heard wherever the gate is subscribed.
func TestSessionsPassBetweenGatesOnEveryNode(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 0)
	all := cluster.Client(t)
	one, two := startGate(t, inCluster(cluster)), startGate(t, inCluster(cluster))
	for _, sessions := range spread(t, cluster, 2) {
		for _, n := range sessions {
			turn := one.take(t, shared(n))
			next := two.enqueue(t.Context(), t, shared(n))
			awaitLine(t, all, key(n), 1)
			released := time.Now()
			turn.Release()
			o := turnOf(t, next)
			wantMessage(t, o.at.Sub(released))
			if o.turn.Fence() <= turn.Fence() {
				t.Errorf("session %d: fence %d after %d", n, o.turn.Fence(), turn.Fence())
			}
			o.turn.Release()
			awaitFree(t, all, key(n))
		}
	}
	for i := range cluster.Addresses() {
		wantExpiries(t, cluster.Node(i).Client(t))
	}
}

// TestSessionsMoveWithTheirSlot moves a slot while a turn of it runs and
// another gate waits.
func TestSessionsMoveWithTheirSlot(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 0)
	one, two := startGate(t, inCluster(cluster)), startGate(t, inCluster(cluster))
	turn := one.take(t, shared(1))
	next := two.enqueue(t.Context(), t, shared(1))
	from := cluster.NodeOf(t, sessionKey(key(1)))
	awaitLine(t, from.Client(t), key(1), 1)
	to := cluster.Node(0)
	if to == from {
		to = cluster.Node(1)
	}
	cluster.MoveSlot(t, sessionKey(key(1)), to)
	released := time.Now()
	turn.Release()
	o := turnOf(t, next)
	wantWithin(t, "the turn", o.at.Sub(released), poll)
	if err := turn.Context().Err(); err == nil || o.turn.Local() || o.turn.Fence() <= turn.Fence() {
		t.Errorf("ended %v, local %v, fence %d after %d", err, o.turn.Local(), o.turn.Fence(), turn.Fence())
	}
	o.turn.Release()
	awaitFree(t, to.Client(t), key(1))
	if one.Away() || two.Away() {
		t.Error("a gate takes a server that moved a slot for away")
	}
}

// TestDeadPrimaryConcernsItsSessionsOnly kills a primary: sessions elsewhere do
// not notice, its own fall back, and are shared again once a replica has taken
// over.
func TestDeadPrimaryConcernsItsSessionsOnly(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 1)
	serveWhatIsThere(t, cluster)
	sessions := spread(t, cluster, 2)
	one, two := startGate(t, inCluster(cluster)), startGate(t, inCluster(cluster))
	gates := []*gate{one, two}
	dies := cluster.NodeOf(t, sessionKey(key(0)))
	concerned := sessions[dies][0]
	before := one.take(t, shared(concerned))
	before.Release()

	var others []int
	for node, there := range sessions {
		if node != dies {
			others = append(others, there...)
		}
	}
	ping := startPing(t, gates, others)
	ping.goesOn(t, 50)

	cluster.KillPrimary(t, sessionKey(key(concerned)))
	died := time.Now()
	local := one.take(t, either(concerned))
	wantWithin(t, "the first turn", time.Since(died), noticed)
	if !local.Local() || !one.Away() {
		t.Errorf("local %v, away %v", local.Local(), one.Away())
	}
	local.Release()

	heir := cluster.WaitForPrimary(t, sessionKey(key(concerned)), dies)
	eventually(t, "the gates share the sessions again", func() bool { return !one.Away() && !two.Away() })
	ping.goesOn(t, 50)
	ping.end(t)

	turn := one.take(t, shared(concerned))
	if turn.Local() || turn.Fence() <= local.Fence() || turn.Fence() <= before.Fence() {
		t.Errorf("local %v, fence %d after %d and %d", turn.Local(), turn.Fence(), before.Fence(), local.Fence())
	}
	next := two.enqueue(t.Context(), t, shared(concerned))
	awaitLine(t, heir.Client(t), key(concerned), 1)
	released := time.Now()
	turn.Release()
	o := turnOf(t, next)
	wantWithin(t, "the next turn", o.at.Sub(released), poll)
	o.turn.Release()
}

// serveWhatIsThere has nodes go on while slots have no primary. By default none
// of them does, from the moment in which the death is noticed until a replica
// has taken over.
func serveWhatIsThere(t *testing.T, c *redistest.Cluster) {
	t.Helper()
	for i := range c.Addresses() {
		if err := c.Node(i).Client(t).ConfigSet(t.Context(), "cluster-require-full-coverage", "no").Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// ping takes turns of sessions that must not be disturbed.
type ping struct {
	gates    []*gate
	sessions []int
	done     chan struct{}
	running  sync.WaitGroup

	mu      sync.Mutex
	turns   int
	local   int
	slowest time.Duration
}

func startPing(t *testing.T, gates []*gate, sessions []int) *ping {
	t.Helper()
	p := &ping{gates: gates, sessions: sessions, done: make(chan struct{})}
	p.running.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-p.done:
				return
			default:
			}
			p.once(t, gates[i%len(gates)], sessions[i/len(gates)%len(sessions)])
		}
	})
	return p
}

func (p *ping) once(t *testing.T, g *gate, session int) {
	asked := time.Now()
	turn, err := g.Acquire(t.Context(), either(session))
	if err != nil {
		t.Errorf("session %d of a server that lives: %v", session, err)
		return
	}
	took := time.Since(asked)
	took -= pausesOf(took)
	turn.Release()
	p.mu.Lock()
	p.turns++
	p.slowest = max(p.slowest, took)
	if turn.Local() {
		p.local++
	}
	p.mu.Unlock()
	pass(2 * time.Millisecond)
}

func (p *ping) goesOn(t *testing.T, more int) {
	t.Helper()
	count := func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.turns
	}
	before := count()
	eventually(t, "sessions elsewhere are served", func() bool { return count() >= before+more })
}

func (p *ping) end(t *testing.T) {
	t.Helper()
	close(p.done)
	p.running.Wait()
	if p.local > 0 {
		t.Errorf("%d of %d turns of sessions on other servers were local", p.local, p.turns)
	}
	// Nodes write down who died and who took over, and answer nobody meanwhile.
	wantWithin(t, "the slowest turn of a session elsewhere", p.slowest, poll)
}

// TestGateStartsWhileAPrimaryIsDead: what the others have is shared.
func TestGateStartsWhileAPrimaryIsDead(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 0)
	serveWhatIsThere(t, cluster)
	sessions := spread(t, cluster, 1)
	// The first thing that a gate tries is the server of this one.
	dead := cluster.KillPrimary(t, sessionKey(lockstore.Key{}))
	one, two := startBlindly(t, inCluster(cluster)), startBlindly(t, inCluster(cluster))
	for node, there := range sessions {
		turn := one.take(t, either(there[0]))
		if turn.Local() != (node == dead) {
			t.Errorf("local %v, at a server that is dead: %v", turn.Local(), node == dead)
		}
		if node != dead {
			next := two.enqueue(t.Context(), t, shared(there[0]))
			awaitLine(t, node.Client(t), key(there[0]), 1)
			turn.Release()
			turn = turnOf(t, next).turn
		}
		turn.Release()
	}
}
