package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	poolSize        = 2   // redis.pool_size
	poolSessions    = 100 // that a crowd waits for
	passingSessions = 10  // whose turn goes from gate to gate meanwhile
)

// poolScene is two gates with few connections to Redis.
type poolScene struct {
	gates  []*gate
	ledger *ledger
}

// poolOfTwo has a crowd wait in one gate for sessions that another gate holds,
// and looks at whether turns go on from gate to gate as they do without it.
func poolOfTwo(ctx context.Context, s *stand) ([]figure, error) {
	redis, err := s.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	l, err := s.startLedger(ctx)
	if err != nil {
		return nil, err
	}
	config := gateConfig{
		redis: redis.Address(), redisPool: poolSize, redisTimeout: s.plan.redisTimeout, upstream: httpUpstream(l.address),
		lock: "max_waiting: 0, max_waiting_per_client: 0, wait_timeout: 100s",
	}
	gates, err := s.startGates(ctx, 2, config)
	if err != nil {
		return nil, err
	}
	scene := poolScene{gates: gates, ledger: l}
	if _, err := scene.pass(ctx, s.plan.poolPhase/4); err != nil { // warm-up
		return nil, err
	}
	alone, err := scene.pass(ctx, s.plan.poolPhase)
	if err != nil {
		return nil, err
	}
	c, err := scene.gather(ctx, s.plan.poolWaiting)
	if err != nil {
		return nil, err
	}
	beside, err := scene.pass(ctx, s.plan.poolPhase)
	lost, dispersed := c.disperse(l)
	if err != nil {
		return nil, err
	}
	p := s.plan.poolPercentile
	middle, tail := percentile(beside, 50), percentile(beside, p)
	baseMiddle, baseTail := percentile(alone, 50), percentile(alone, p)
	s.progress("p50 %s, p%d %s beside the crowd / alone (%d, %d requests); not answered: %d",
		millis(middle, baseMiddle), p, millis(tail, baseTail), len(beside), len(alone), lost)
	with := fmt.Sprintf("%d requests wait in one gate for %d sessions that the other holds; %d sessions go from gate to gate; %s",
		s.plan.poolWaiting, poolSessions, passingSessions, config.said())
	return []figure{
		held("pool of 2: waiting requests not answered in the end", float64(lost), 0, fmt.Sprintf("of %d", s.plan.poolWaiting), with),
		timed("pool of 2: p50 of requests whose turn comes from the other gate, beside the crowd / alone", ratio(middle, baseMiddle), s.plan.poolBound, millis(middle, baseMiddle), with),
		timed(fmt.Sprintf("pool of 2: p%d of the same", p), ratio(tail, baseTail), s.plan.poolBound, millis(tail, baseTail), with),
	}, dispersed
}

// pass sends the requests of some sessions to the gates in turns, one after
// another, and returns how long each took. One that is not answered is an error.
func (p poolScene) pass(ctx context.Context, phase time.Duration) ([]time.Duration, error) {
	var mu sync.Mutex
	var took []time.Duration
	failed := make([]error, passingSessions)
	end := time.Now().Add(phase)
	var all sync.WaitGroup
	for i := range passingSessions {
		all.Go(func() {
			times, err := p.passOne(ctx, end)
			failed[i] = err
			mu.Lock()
			defer mu.Unlock()
			took = append(took, times...)
		})
	}
	all.Wait()
	return took, errors.Join(failed...)
}

func (p poolScene) passOne(ctx context.Context, end time.Time) ([]time.Duration, error) {
	connections, err := dialGates(ctx, p.gates)
	if err != nil {
		return nil, err
	}
	defer closeEach(connections)
	request := get("/", newSession())
	var took []time.Duration
	for i := 0; time.Now().Before(end); i++ {
		began := time.Now()
		if _, err := connections[i%len(connections)].do(request); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
		time.Sleep(10 * time.Millisecond) // what is measured is the way, not how much goes through
	}
	return took, nil
}

// poolCrowd are the clients that wait, and those whose requests they wait for.
type poolCrowd struct {
	clients []*connection
	answers sync.WaitGroup
	lost    atomic.Int64
}

// gather has one gate hold the sessions, and n requests wait for them in the other.
func (p poolScene) gather(ctx context.Context, n int) (*poolCrowd, error) {
	c := &poolCrowd{}
	sessions := make([]string, poolSessions)
	for i := range sessions {
		sessions[i] = newSession()
		id := fmt.Sprint("pool", i)
		err := c.send(ctx, p.gates[1], get("/?until=pool&id="+id, sessions[i]))
		if err == nil {
			_, err = p.ledger.awaitBegun(ctx, id)
		}
		if err != nil {
			_, dispersed := c.disperse(p.ledger)
			return nil, errors.Join(err, dispersed)
		}
	}
	var err error
	for i := 0; i < n && err == nil; i++ {
		err = c.send(ctx, p.gates[0], get("/", sessions[i%len(sessions)]))
	}
	if err == nil {
		err = until(ctx, func() bool {
			m, err := p.gates[0].metrics(ctx)
			return err == nil && int(m["sessiongate_waiting"]) >= n
		})
	}
	if err != nil {
		_, dispersed := c.disperse(p.ledger)
		return nil, errors.Join(fmt.Errorf("the crowd does not come to wait: %w", err), dispersed)
	}
	return c, nil
}

func (c *poolCrowd) send(ctx context.Context, g *gate, request []byte) error {
	conn, err := dial(ctx, g.address)
	if err != nil {
		return err
	}
	c.clients = append(c.clients, conn)
	if err := conn.send(request); err != nil {
		return err
	}
	c.answers.Go(func() {
		if _, err := conn.receive(); err != nil {
			c.lost.Add(1)
		}
	})
	return nil
}

// disperse lets the sessions go and waits until everybody has an answer, and
// says how many got none, or another than 200.
func (c *poolCrowd) disperse(l *ledger) (lost int64, err error) {
	l.open("pool")
	late := time.AfterFunc(time.Minute, func() {
		for _, conn := range c.clients {
			_ = conn.conn.SetDeadline(time.Unix(1, 0)) // it counts as lost
		}
	})
	c.answers.Wait()
	if !late.Stop() {
		err = errors.New("some of the crowd wait for ever")
	}
	closeEach(c.clients)
	return c.lost.Load(), err
}
