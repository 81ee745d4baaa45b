package proxy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessiongate/sessiongate/internal/rules"
)

// calling is a site whose pages call it again, at random: with their token, now
// and then without waiting for the answer, or with one that is of no use. It
// watches that nothing of a session runs but a request, whom it has called, whom
// that one has called, and so on.
type calling struct {
	*bench
	mu      sync.Mutex
	rng     *rand.Rand
	last    int
	by      map[int]int // a page's number -> its caller's; 0: a client
	running map[int]bool
	lawless bool // turns end early: overlaps are allowed
	visits  *tracker
}

// callerNumber is the header in which a page says who it is.
const callerNumber = "Page"

func (c *calling) roll(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rng.IntN(n)
}

func (c *calling) begin(r *http.Request) (number int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	by, _ := strconv.Atoi(r.Header.Get(callerNumber))
	above := map[int]bool{}
	for n := by; n != 0; n = c.by[n] {
		above[n] = true
	}
	for n := range c.running {
		if !above[n] && !c.lawless {
			c.Errorf("called by %d, a page runs beside %d: %v", by, n, c.running)
		}
	}
	c.last++
	c.by[c.last], c.running[c.last] = by, true
	return c.last
}

func (c *calling) end(number int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, number)
}

func (c *calling) visit(header ...string) *visit {
	v := c.send("GET", "", header...)
	c.visits.add()
	go func() {
		<-v.done
		c.visits.done()
	}()
	return v
}

func (c *calling) php(r *http.Request) (*http.Response, error) {
	number := c.begin(r)
	defer c.end(number)
	<-time.After(time.Duration(c.roll(20)) * time.Millisecond)
	for range c.roll(3) {
		token := r.Header.Get(LoopbackHeader)
		v := c.visit(LoopbackHeader, token, callerNumber, strconv.Itoa(number))
		if c.roll(5) == 0 {
			v.leave()
		}
		if c.roll(4) != 0 {
			<-v.done
		}
	}
	switch c.roll(10) {
	case 0:
		return nil, http.ErrServerClosed
	case 1:
		panic("a defect")
	case 2:
		if c.lawless {
			return answer(strings.NewReader("x"), ControlHeader, []string{"release", "hold=20ms"}[c.roll(2)]), nil
		}
	}
	return answer(strings.NewReader("x")), nil
}

// Whatever pages call and clients do: the calls of a session are one path, and
// nothing is left behind (which the bench checks).
func TestCallsOfASessionAreOnePath(t *testing.T) {
	for seed := range uint64(60) {
		for _, lawless := range []bool{false, true} {
			t.Run(fmt.Sprintf("seed %d, early ends %v", seed, lawless), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { walkCalls(t, seed, lawless) })
			})
		}
	}
}

func walkCalls(t *testing.T, seed uint64, lawless bool) {
	c := &calling{rng: rand.New(rand.NewPCG(seed, 11)), by: map[int]int{}, running: map[int]bool{}, lawless: lawless, visits: new(tracker)}
	c.bench = newBench(t, c.php, func(p *rules.Policy, s *Settings) {
		p.MaxWaiting, s.MaxLoopbackDepth = 20, 4
		if lawless {
			p.MaxHold, p.WaitTimeout = 60*time.Millisecond, 100*time.Millisecond
			s.AbortOnLostLease = seed%2 == 0
		}
	})
	l := onAwayLocks(c.bench)
	if lawless {
		unsettle(l, &chaos{rng: rand.New(rand.NewPCG(seed, 13))})
	}
	for range 25 {
		v := c.visit()
		if c.roll(4) == 0 {
			<-time.After(time.Duration(c.roll(40)) * time.Millisecond)
			v.leave()
		}
		<-time.After(time.Duration(c.roll(20)) * time.Millisecond)
	}
	if lawless && seed%3 == 0 {
		c.gate.Abort()
	}
	for c.visits.count()+c.gate.InFlight() > 0 { // pages whose clients have left call on
		if err := errors.Join(c.visits.wait(t.Context()), c.gate.Drain(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	if ends := l.ends(); len(ends) != len(l.turns) {
		t.Errorf("%d turns, %d ends", len(l.turns), len(ends))
	}
}
