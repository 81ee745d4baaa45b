package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessiongate/sessiongate/test/fault/faultproxy"
)

// tortured is the gates under torture, and what was done to them.
type tortured struct {
	stand    *stand
	redis    *redisServer
	seed     uint64
	sessions []string
	config   gateConfig
	victims  [tortureGates]*victim

	counted atomic.Int64 // answers with 200
	refused atomic.Int64 // 503: Redis was away
	broken  atomic.Int64 // connections that ended without an answer: the gate was killed
	strange atomic.Int64

	kills, faults, lost int // lost: leases that killed gates had counted as lost
}

// victim is one gate and its way to Redis.
type victim struct {
	proxy *faultproxy.Proxy
	gate  atomic.Pointer[gate] // another one after each kill
}

func (s *stand) startTorture(ctx context.Context, upstream string, seed uint64) (*tortured, error) {
	redis, err := s.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	t := &tortured{stand: s, redis: redis, seed: seed, sessions: make([]string, s.plan.tortureSessions)}
	for i := range t.sessions {
		t.sessions[i] = newSession()
	}
	t.config = gateConfig{upstream: upstream, lock: fmt.Sprintf("ttl: %s, on_store_failure: closed, max_waiting_per_client: 0", tortureTTL)}
	for i := range t.victims {
		p, err := faultproxy.New(redis.Address())
		if err != nil {
			return nil, err
		}
		s.atEnd(p.Close)
		t.victims[i] = &victim{proxy: p}
		if err := t.revive(ctx, t.victims[i]); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// revive starts the victim's gate.
func (t *tortured) revive(ctx context.Context, v *victim) error {
	config := t.config
	config.redis = v.proxy.Address()
	g, err := t.stand.startGate(ctx, config)
	if err == nil {
		v.gate.Store(g)
	}
	return err
}

// run has the clients count until there are as many answers as wanted, and
// ends with everything mended.
func (t *tortured) run(ctx context.Context, counts int, request func(session string) []byte) error {
	counting, done := context.WithCancel(ctx)
	defer done()
	var clients sync.WaitGroup
	for i := range t.stand.plan.tortureClients {
		rng := rand.New(rand.NewPCG(t.seed, uint64(i)))
		clients.Go(func() { t.client(counting, rng, int64(counts), request) })
	}
	answered := make(chan struct{})
	go func() {
		clients.Wait()
		close(answered)
	}()
	err := t.mischief(counting, rand.New(rand.NewPCG(t.seed, 1<<32)), int64(counts), answered)
	if err != nil {
		done()
	}
	<-answered
	return errors.Join(err, context.Cause(ctx))
}

// client sends requests, of any session to any gate, until enough of
// everybody's have been answered.
func (t *tortured) client(ctx context.Context, rng *rand.Rand, counts int64, request func(session string) []byte) {
	var c *connection
	var to *gate
	hangUp := func() {
		if c != nil {
			c.close()
			c = nil
		}
	}
	defer hangUp()
	for t.counted.Load() < counts && ctx.Err() == nil {
		session := t.sessions[rng.IntN(len(t.sessions))]
		g := t.victims[rng.IntN(len(t.victims))].gate.Load()
		if c == nil || g != to {
			hangUp()
			var err error
			if c, err = dial(ctx, g.address); err != nil {
				c = nil
				t.broken.Add(1)
				pause(ctx, 20*time.Millisecond) // it is being started again
				continue
			}
			to = g
		}
		status, err := t.once(c, request(session))
		switch {
		case err != nil:
			hangUp()
			if ctx.Err() == nil {
				t.noteBroken(err)
			}
		case status == http.StatusOK:
			t.counted.Add(1)
		case status == http.StatusServiceUnavailable:
			t.refused.Add(1)
			pause(ctx, 20*time.Millisecond)
		default:
			t.strange.Add(1)
			t.stand.progress("strange: %d", status)
		}
	}
}

// once sends a request that must be answered within 30 s.
func (t *tortured) once(c *connection, request []byte) (status int, err error) {
	_ = c.conn.SetDeadline(time.Now().Add(30 * time.Second)) // a connection that is closed says so itself
	if err := c.send(request); err != nil {
		return 0, err
	}
	a, err := c.receiveAny()
	return a.status, err
}

// noteBroken tells a gate that was killed from one that does not answer.
func (t *tortured) noteBroken(err error) {
	if late := net.Error(nil); errors.As(err, &late) && late.Timeout() {
		t.strange.Add(1)
		t.stand.progress("strange: %v", err)
		return
	}
	t.broken.Add(1)
}

// mischief disturbs the gates until the clients are done: a kill after each
// so many counts, and faults of the network in between.
func (t *tortured) mischief(ctx context.Context, rng *rand.Rand, counts int64, answered <-chan struct{}) error {
	kills := t.stand.plan.tortureKills
	every := counts / int64(kills+1)
	for {
		select {
		case <-answered:
			return nil
		case <-time.After(between(rng, 0, t.stand.plan.tortureCalm)):
		}
		v := t.victims[rng.IntN(len(t.victims))]
		if t.kills == kills || t.counted.Load() < every*int64(t.kills+1) {
			if err := t.disturb(ctx, rng, v.proxy); err != nil {
				return err
			}
			continue
		}
		if err := t.kill(ctx, rng, v); err != nil {
			return err
		}
	}
}

// disturb does something to a gate's way to Redis, and mends it.
func (t *tortured) disturb(ctx context.Context, rng *rand.Rand, p *faultproxy.Proxy) error {
	t.faults++
	last := between(rng, 10*time.Millisecond, 400*time.Millisecond)
	if rng.IntN(50) == 0 {
		last += tortureTTL // what the gate holds runs out under it
	}
	switch rng.IntN(5) {
	case 0:
		p.Refuse()
		p.Cut()
		pause(ctx, last)
		return p.Accept()
	case 1:
		p.Freeze()
		pause(ctx, last)
		p.Thaw()
	case 2:
		p.DropReplies()
		pause(ctx, last)
		p.PassReplies()
		p.Cut() // no network loses bytes in the middle of a stream
	default:
		p.Cut()
	}
	return nil
}

// kill takes a gate away as a crash would and starts another in its place.
func (t *tortured) kill(ctx context.Context, rng *rand.Rand, v *victim) error {
	t.kills++
	g := v.gate.Load()
	lost, err := leaseLost(ctx, g)
	if err != nil {
		return err
	}
	t.lost += lost
	g.kill()
	pause(ctx, between(rng, 0, time.Second))
	return t.revive(ctx, v)
}

// leasesLost is how many leases all gates have counted as lost.
func (t *tortured) leasesLost(ctx context.Context) (int, error) {
	all := t.lost
	for _, v := range t.victims {
		lost, err := leaseLost(ctx, v.gate.Load())
		if err != nil {
			return 0, err
		}
		all += lost
	}
	return all, nil
}

func leaseLost(ctx context.Context, g *gate) (int, error) {
	m, err := g.metrics(ctx)
	if err != nil {
		return 0, err
	}
	lost, there := m["sessiongate_lease_lost_total"]
	if !there {
		return 0, errors.New("the gate does not count lost leases")
	}
	return int(lost), nil
}

// counters asks a page that counts for the counters of all sessions, and takes
// off what asking has added.
func (t *tortured) counters(ctx context.Context, page string) (int, error) {
	total := 0
	for _, session := range t.sessions {
		var n int
		err := until(ctx, func() bool {
			c, err := dial(ctx, t.victims[0].gate.Load().address)
			if err != nil {
				return false
			}
			defer c.close()
			answer, err := c.do(get(page, session))
			if err != nil {
				return false // the gate is finding Redis again
			}
			n, err = strconv.Atoi(strings.TrimSpace(answer))
			return err == nil
		})
		if err != nil {
			return 0, fmt.Errorf("counter of a session: %w", err)
		}
		total += n - 1
	}
	return total, nil
}

// said is what was done, for the report.
func (t *tortured) said(excused int) string {
	return fmt.Sprintf("%d clients, %d sessions, %d gates on one Redis; %d kills and %d faults of the network; answered %d, refused %d, broken off %d, leases lost %d; %s",
		t.stand.plan.tortureClients, len(t.sessions), tortureGates, t.kills, t.faults,
		t.counted.Load(), t.refused.Load(), t.broken.Load(), excused, gateConfig{redis: "any", lock: t.config.lock}.said())
}

func between(rng *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rng.Int64N(int64(most-least)))
}
