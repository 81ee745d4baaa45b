package balance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("connection refused")

// servers makes n servers named a, b, c and so on.
func servers(n int) []*Server {
	list := make([]*Server, n)
	for i := range list {
		list[i] = NewServer(string(rune('a'+i)), nil)
	}
	return list
}

// take expects a server, and gives its slot back unless it is kept.
func take(t *testing.T, p *Pool, key Key, tried ...*Server) Slot {
	t.Helper()
	slot, err := p.take(Request{Session: key}, tried)
	if err != nil {
		t.Fatal(err)
	}
	return slot
}

func visit(t *testing.T, p *Pool, key Key, tried ...*Server) *Server {
	t.Helper()
	slot := take(t, p, key, tried...)
	slot.Leave()
	return slot.Server()
}

// falls refuses as many connections as take a server out.
func falls(t *testing.T, p *Pool, s *Server) {
	t.Helper()
	for range p.options.Fall {
		Slot{server: s}.Refused(errDown)
	}
}

func key(r *rand.Rand) Key {
	var k Key
	for i := range k {
		k[i] = byte(r.Uint32())
	}
	return k
}

// counts visits a pool n times.
func counts(t *testing.T, p *Pool, n int) map[string]int {
	t.Helper()
	found := map[string]int{}
	for range n {
		found[visit(t, p, Key{}).Address]++
	}
	return found
}

func TestEqualServersTakeTurns(t *testing.T) {
	for _, method := range []Method{LeastInFlight, RoundRobin, Session} {
		p := New(Options{Method: method}, servers(3)...)
		if got := fmt.Sprint(counts(t, p, 300)); got != "map[a:100 b:100 c:100]" {
			t.Errorf("method %d: %s", method, got)
		}
	}
}

// A server that is out does not hand all of its share to its neighbour.
func TestTheShareOfAServerThatIsOutGoesToAll(t *testing.T) {
	for _, method := range []Method{LeastInFlight, RoundRobin} {
		list := servers(4)
		p := New(Options{Method: method}, list...)
		falls(t, p, list[1])
		if got := fmt.Sprint(counts(t, p, 300)); got != "map[a:100 c:100 d:100]" {
			t.Errorf("method %d: %s", method, got)
		}
	}
}

func TestTheLeastBusyServerIsChosen(t *testing.T) {
	list := servers(3)
	p := New(Options{}, list...)
	held := []Slot{take(t, p, Key{}), take(t, p, Key{}), take(t, p, Key{})} // one each
	held[1].Leave()
	for range 5 {
		if got := visit(t, p, Key{}); got != held[1].Server() {
			t.Fatalf("%s was chosen, want %s, which has nothing to do", got.Address, held[1].Server().Address)
		}
	}
	held[0].Leave()
	held[2].Leave()
	for _, s := range p.Status() {
		if s.InFlight != 0 {
			t.Errorf("%s has %d in flight", s.Server.Address, s.InFlight)
		}
	}
}

func TestRoundRobinDoesNotLookAtWhatIsInFlight(t *testing.T) {
	p := New(Options{Method: RoundRobin}, servers(2)...)
	for range 10 {
		take(t, p, Key{}) // kept
		visit(t, p, Key{})
	}
	if s := p.Status(); s[0].InFlight+s[1].InFlight != 10 || s[0].InFlight*s[1].InFlight != 0 {
		t.Errorf("in flight: %d and %d, want all on one", s[0].InFlight, s[1].InFlight)
	}
}

func TestASessionFindsItsServerInEveryGate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	one := New(Options{Method: Session}, servers(5)...)
	list := servers(5)
	list[0], list[4] = list[4], list[0]
	other := New(Options{Method: Session}, list...)
	found := map[string]int{}
	for range 5000 {
		k := key(r)
		at := visit(t, one, k).Address
		if again, there := visit(t, one, k).Address, visit(t, other, k).Address; again != at || there != at {
			t.Fatalf("session at %s, then %s, in another gate %s", at, again, there)
		}
		found[at]++
	}
	for address, n := range found {
		if n < 800 || n > 1200 {
			t.Errorf("%s has %d of 5,000 sessions, want about 1,000", address, n)
		}
	}
}

func TestAServerThatComesOrGoesMovesNoOtherServersSessions(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	list := servers(5)
	p := New(Options{Method: Session}, list...)
	keys, before := make([]Key, 2000), make([]*Server, 2000)
	for i := range keys {
		keys[i] = key(r)
		before[i] = visit(t, p, keys[i])
	}
	for name, change := range map[string]struct{ leaves, comesBack func() }{
		"out":     {func() { falls(t, p, list[2]) }, func() { p.checked(list[2], nil) }},
		"removed": {func() { p.Set(p.options, list[0], list[1], list[3], list[4]) }, func() { p.Set(p.options, list...) }},
	} {
		change.leaves()
		for i, k := range keys {
			now := visit(t, p, k)
			if (now != before[i]) != (before[i] == list[2]) {
				t.Fatalf("%s: session of %s went to %s when c left", name, before[i].Address, now.Address)
			}
		}
		change.comesBack()
		for i, k := range keys {
			if now := visit(t, p, k); now != before[i] {
				t.Fatalf("%s: session of %s is at %s when c is back", name, before[i].Address, now.Address)
			}
		}
	}
}

func TestABusyServerKeepsItsSessionsAndNobodyElse(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	p := New(Options{Method: Session}, servers(2)...)
	k := key(r)
	for range 10 {
		take(t, p, k)
	}
	busy := visit(t, p, k)
	for range 10 {
		if visit(t, p, Key{}) == busy {
			t.Fatal("a request without a session went to the busier server")
		}
	}
}

func TestAServerGoesOutAfterRefusalsInARow(t *testing.T) {
	var told []string
	list := servers(2)
	p := New(Options{Fall: 3, Out: func(s *Server, why error) { told = append(told, s.Address+": "+why.Error()) }}, list...)
	slot := func() Slot { return take(t, p, Key{}, list[1]) }
	slot().Refused(errDown)
	slot().Refused(errDown)
	slot().Connected()
	slot().Refused(errDown)
	slot().Refused(errDown)
	if s := p.Status(); !s[0].In {
		t.Fatal("out after two in a row")
	}
	for range 4 {
		slot().Refused(errDown)
	}
	if s := p.Status()[0]; s.In || !errors.Is(s.Why, errDown) || len(told) != 1 || told[0] != "a: connection refused" {
		t.Fatalf("in %v, why %v, told %q", s.In, s.Why, told)
	}
	if got := counts(t, p, 10)["b"]; got != 10 {
		t.Errorf("%d of 10 went to the server that is in", got)
	}
}

// A long request that ends now was connected before the server went away.
func TestAnAnswerOfARequestFromBeforeDoesNotForgetRefusals(t *testing.T) {
	list := servers(1)
	p := New(Options{Fall: 2}, list...)
	long := take(t, p, Key{})
	take(t, p, Key{}).Refused(errDown)
	long.Connected()
	take(t, p, Key{}).Refused(errDown)
	if p.Status()[0].In {
		t.Error("in after two refusals in a row")
	}
}

func TestWhenAllAreOutAllAreUsed(t *testing.T) {
	list := servers(3)
	p := New(Options{Method: RoundRobin}, list...)
	for _, s := range list {
		falls(t, p, s)
	}
	if got := fmt.Sprint(counts(t, p, 30)); got != "map[a:10 b:10 c:10]" {
		t.Errorf("all out: %s", got)
	}
}

func TestServersThatAreOutAreTriedLast(t *testing.T) {
	list := servers(3)
	p := New(Options{}, list...)
	falls(t, p, list[0])
	first := visit(t, p, Key{})
	second := visit(t, p, Key{}, first)
	third := visit(t, p, Key{}, first, second)
	if first == list[0] || second == list[0] || first == second || third != list[0] {
		t.Errorf("tried %s, %s, %s", first.Address, second.Address, third.Address)
	}
	if _, err := p.take(Request{}, list); !errors.Is(err, ErrNoServer) {
		t.Error("a server was chosen though all were tried")
	}
}

func TestAServerThatIsOffTheListEndsWhatItHasAndGetsNothingNew(t *testing.T) {
	list := servers(2)
	p := New(Options{}, list...)
	long := take(t, p, Key{}, list[1])
	p.Set(Options{}, list[1])
	if got := counts(t, p, 10)["b"]; got != 10 {
		t.Errorf("%d of 10 went to the other server", got)
	}
	falls(t, p, list[1])
	if got := counts(t, p, 10)["b"]; got != 10 {
		t.Errorf("%d of 10 went to the other server while that is out", got)
	}
	if all := p.Status(); len(all) != 2 || !all[1].Leaving || all[1].In || all[1].InFlight != 1 {
		t.Errorf("%+v, want the one in flight at a server that is leaving", all)
	}
	long.Leave()
	if all := p.Status(); len(all) != 1 || list[0].inFlight != 0 {
		t.Errorf("%+v at the end", all)
	}
}

func TestAPoolWithoutServersHasNone(t *testing.T) {
	if _, err := New(Options{}).Take(Request{}); !errors.Is(err, ErrNoServer) {
		t.Error("a server of an empty pool")
	}
}

// Everybody at once: what is in flight is exact, and changes are told once.
func TestSlotsAreExactWhileServersComeAndGo(t *testing.T) {
	var mu sync.Mutex
	told := map[string]int{}
	tell := func(s *Server, step int) {
		mu.Lock()
		defer mu.Unlock()
		told[s.Address] += step
	}
	list := servers(3)
	p := New(Options{Fall: 2, Rise: 2, Out: func(s *Server, _ error) { tell(s, 1) }, In: func(s *Server) { tell(s, -1) }}, list...)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 7))
			for range 2000 {
				slot, err := p.Take(Request{Session: key(r)})
				if err != nil {
					t.Error(err)
					return
				}
				switch r.IntN(4) {
				case 0:
					slot.Refused(errDown)
				case 1:
					p.checked(list[r.IntN(3)], nil)
				case 2:
					p.checked(list[r.IntN(3)], errDown)
				default:
					slot.Connected()
				}
				slot.Leave()
			}
		})
	}
	all.Wait()
	for _, s := range p.Status() {
		out := 0
		if !s.In {
			out = 1
		}
		if s.InFlight != 0 || told[s.Server.Address] != out {
			t.Errorf("%s: %d in flight; out %d, told %d", s.Server.Address, s.InFlight, out, told[s.Server.Address])
		}
	}
}

func TestChoosingTakesNoMemory(t *testing.T) {
	for _, method := range []Method{LeastInFlight, RoundRobin, Session} {
		p := New(Options{Method: method}, servers(3)...)
		if n := testing.AllocsPerRun(100, func() {
			slot, _ := p.Take(Request{Session: Key{1}})
			slot.Connected()
			slot.Leave()
		}); n != 0 {
			t.Errorf("method %d: %v allocations", method, n)
		}
	}
}

func BenchmarkTake(b *testing.B) {
	for _, n := range []int{1, 2, 8, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := New(Options{Method: Session}, servers(n)...)
			b.ReportAllocs()
			for b.Loop() {
				slot, _ := p.Take(Request{Session: Key{1}})
				slot.Connected()
				slot.Leave()
			}
		})
	}
}
