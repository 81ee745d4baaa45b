package fault

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/lockstore"
)

const processTTL = 3 * time.Second

// scene is three gate processes of which the first holds the session, and the
// others wait for it in their order.
type scene struct {
	*upstream
	gates   []*process
	redis   *redis.Client
	answers []<-chan answer
	paths   []string
}

func startScene(t *testing.T) *scene {
	t.Helper()
	server := redistest.Start(t)
	s := &scene{upstream: startUpstream(t), redis: server.Client(t), paths: []string{"/holds", "/first", "/second"}}
	s.keep("/holds")
	for i, path := range s.paths {
		g := serve(t, server.Address(), s.address)
		s.gates = append(s.gates, g)
		s.answers = append(s.answers, g.send(t, path))
		if i == 0 {
			s.began(t, path)
		} else {
			awaitLine(t, s.redis, s.session(t), i)
		}
	}
	return s
}

// session is the one session's key.
func (s *scene) session(t *testing.T) (k lockstore.Key) {
	t.Helper()
	names, err := s.redis.Keys(t.Context(), prefix+"{*}").Result()
	if err != nil || len(names) != 1 {
		t.Fatalf("sessions %q, %v", names, err)
	}
	return keyNamed(t, names[0])
}

func TestSessionOfAGateThatDiedGoesOnAfterItsLease(t *testing.T) {
	t.Parallel()
	s := startScene(t)
	s.keep("/first")
	s.gates[0].Kill()
	killed := time.Now()
	first := s.began(t, "/first")
	wantWithin(t, "the next request", first.Sub(killed), processTTL+500*time.Millisecond)
	s.let("/first")
	s.began(t, "/second")
	s.wantRising(t, s.paths...)
	for i, got := range s.answers[1:] {
		if a := <-got; a.status != 200 {
			t.Errorf("%s was answered %+v", s.paths[i+1], a)
		}
	}
	if n := s.gates[1].metric(t, "lease_takeover_total") + s.gates[2].metric(t, "lease_takeover_total"); n != 1 {
		t.Errorf("%v leases were taken over", n)
	}
}

func TestDeadWaiterIsSkippedAtOnce(t *testing.T) {
	t.Parallel()
	s := startScene(t)
	s.gates[1].Kill()
	ended := time.Now()
	s.let("/holds")
	wantWithin(t, "the next request", s.began(t, "/second").Sub(ended), 0)
	s.wantRising(t, "/holds", "/second")
	awaitFree(t, s.redis, s.session(t))
}

func TestHaltedWaiterIsSkippedAfterTheConfirmationTime(t *testing.T) {
	t.Parallel()
	s := startScene(t)
	halt(t, s.gates[1])
	ended := time.Now()
	s.let("/holds")
	wantWithin(t, "the next request", s.began(t, "/second").Sub(ended), confirm)
	goOn(t, s.gates[1])
	s.began(t, "/first")
	s.wantRising(t, "/holds", "/second", "/first")
	awaitFree(t, s.redis, s.session(t))
}

func TestGateThatWasHaltedCountsItsLeaseAsLost(t *testing.T) {
	t.Parallel()
	s := startScene(t)
	halt(t, s.gates[0])
	halted := time.Now()
	wantWithin(t, "the next request", s.began(t, "/first").Sub(halted), processTTL+500*time.Millisecond)
	s.began(t, "/second")
	goOn(t, s.gates[0])
	eventually(t, "the lease counts as lost", func() bool { return s.gates[0].metric(t, "lease_lost_total") == 1 })
	s.let("/holds")
	if a := <-s.answers[0]; a.status != 200 {
		t.Errorf("what went on was answered %+v", a)
	}
	for _, g := range s.gates[1:] {
		if n := g.metric(t, "lease_lost_total"); n != 0 {
			t.Errorf("%v leases of another gate are lost", n)
		}
	}
	awaitFree(t, s.redis, s.session(t))
}

// TestHalfOpenWaiterIsSkippedAfterTheConfirmationTime has a gate vanish from the
// network: Redis still counts it as a subscriber.
func TestHalfOpenWaiterIsSkippedAfterTheConfirmationTime(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c := server.Client(t)
	gates := openGates(t, 3, server.Address())
	turn := gates[0].take(t, shared(1))
	vanishes := gates[1].enqueue(t.Context(), t, shared(1))
	awaitLine(t, c, key(1), 1)
	next := gates[2].enqueue(t.Context(), t, shared(1))
	awaitLine(t, c, key(1), 2)

	gates[1].way.Freeze()
	released := time.Now()
	turn.Release()
	got := turnOf(t, next)
	wantWithin(t, "the next turn", got.at.Sub(released), confirm)
	if took := got.at.Sub(released); took < confirm/2 {
		t.Errorf("the turn came after %s: nobody was asked to confirm", took)
	}
	gates[1].way.Thaw() // the grant arrives, long after it was meant to
	eventually(t, "the gate has found back", func() bool { return !gates[1].Away() })
	select {
	case o := <-vanishes:
		if o.err == nil {
			t.Error("two gates have a turn")
		}
		vanishes <- o
	default:
	}
	got.turn.Release()
	if o := settledOf(t, vanishes); o.err == nil {
		o.turn.Release()
	}
	awaitFree(t, c, key(1))
}

// halt stops a process, and returns when all its threads stand still, which a
// busy machine takes its time for.
func halt(t *testing.T, p *process) {
	t.Helper()
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the gate stands still", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.PID()))
		if err != nil {
			t.Fatal(err)
		}
		for _, thread := range threads {
			if stat, err := os.ReadFile(thread); err == nil && !bytes.Contains(stat, []byte(") T ")) {
				return false
			}
		}
		return true
	})
}

func goOn(t *testing.T, p *process) {
	t.Helper()
	if err := p.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}
