package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

const (
	slowPause    = 3 * time.Second // between two bytes of a slow client
	slowUploads  = 2               // of 5 slow clients send a body, with a session; the others a header
	slowOf       = 5
	slowSessions = 20 // that the uploads are of
)

// slowloris measures the tail of ordinary visitors with and without a crowd of
// clients that send a byte every few seconds, and looks at what the crowd takes
// of the gate. The bounds on uploads are lifted: all clients have one address
// here, of which 20 bodies would be read and the others refused.
func slowloris(ctx context.Context, s *stand) ([]figure, error) {
	pool, err := s.startPHP(ctx, s.unlockedSessions())
	if err != nil {
		return nil, err
	}
	config := gateConfig{server: "max_uploading: 0, max_uploading_per_client: 0", upstream: phpUpstream(pool)}
	g, err := s.startGate(ctx, config)
	if err != nil {
		return nil, err
	}
	siege := &siege{stand: s, gate: g}
	if err := siege.rounds(ctx); err != nil {
		return nil, err
	}
	p := s.plan.abusePercentile
	subject, base := s.plan.typical(siege.with), s.plan.typical(siege.without)
	with := fmt.Sprintf("%d connections that send a byte every %s, %d of them bodies of %d sessions; %d sessions × %s every %s; %s",
		s.plan.slowClients, slowPause, siege.uploads(), slowSessions, others.sessions, others.path, others.interval, config.said())
	return []figure{
		timed(fmt.Sprintf("slowloris: others' p%d with / without the slow clients", p), s.plan.overTail(subject, base), s.plan.slowBound, millis(subject, base),
			fmt.Sprintf("p%d of rounds of %s, %s; %s", p, s.plan.abusePhase, s.plan.ofRounds(s.plan.rounds), with)),
		held("slowloris: places in lines and turns that slow clients have", float64(siege.places), 0, "of all rounds, while nobody else was there", with),
		stated("slowloris: memory of the gate", siege.memory/(1<<20), fmt.Sprintf("MiB resident, at most; %.1f before", siege.before/(1<<20)), with),
	}, nil
}

// siege is the gate with its visitors, and what was seen of them.
type siege struct {
	*stand
	gate          *gate
	with, without []time.Duration
	places        int
	before        float64 // bytes
	memory        float64
}

func (s *siege) uploads() int { return s.plan.slowClients * slowUploads / slowOf }

// rounds take turns, and who begins changes from round to round.
func (s *siege) rounds(ctx context.Context) error {
	m, err := s.gate.metrics(ctx)
	if err != nil {
		return err
	}
	s.before = m["process_resident_memory_bytes"]
	for round := range s.plan.rounds {
		for turn := range 2 {
			visit, tails, beside := s.alone, &s.without, "alone"
			if (round+turn)%2 == 1 {
				visit, tails, beside = s.besieged, &s.with, "besieged"
			}
			took, err := visit(ctx)
			if err != nil {
				return err
			}
			tail := percentile(took, s.plan.abusePercentile)
			*tails = append(*tails, tail)
			s.progress("%-8s p50 %.1f, p%d %.1f ms (%d requests)", beside, inMillis(percentile(took, 50)), s.plan.abusePercentile, inMillis(tail), len(took))
		}
	}
	return nil
}

// alone returns when PHP is done with what its visitors have not waited for.
func (s *siege) alone(ctx context.Context) ([]time.Duration, error) {
	took, err := others.visit(ctx, s.gate.address, s.plan.abusePhase)
	if err == nil {
		err = s.gate.idle(ctx)
	}
	return took, err
}

// besieged has the crowd in place, looks at what it takes, and lets the others
// visit.
func (s *siege) besieged(ctx context.Context) ([]time.Duration, error) {
	besieging, stop := context.WithCancel(ctx)
	var crowd sync.WaitGroup
	for i := range s.plan.slowClients {
		crowd.Go(func() { s.slowClient(besieging, i) })
	}
	took, err := s.visitBesieged(ctx)
	stop()
	crowd.Wait()
	if err == nil {
		err = s.gate.idle(ctx)
	}
	return took, err
}

func (s *siege) visitBesieged(ctx context.Context) ([]time.Duration, error) {
	var m map[string]float64
	err := until(ctx, func() bool {
		var err error
		m, err = s.gate.metrics(ctx)
		// Those that were cut off are on their way back.
		return err == nil && m["sessiongate_connections"] >= 0.95*float64(s.plan.slowClients) && m["sessiongate_uploading"] >= 0.95*float64(s.uploads())
	})
	if err != nil {
		return nil, fmt.Errorf("the slow clients do not come together: %.0f connections, %.0f uploads: %w", m["sessiongate_connections"], m["sessiongate_uploading"], err)
	}
	s.places += int(m["sessiongate_waiting"] + m["sessiongate_sessions"])
	took, err := others.visit(ctx, s.gate.address, s.plan.abusePhase)
	if err != nil {
		return nil, err
	}
	if m, err = s.gate.metrics(ctx); err == nil {
		s.memory = max(s.memory, m["process_resident_memory_bytes"])
	}
	return took, err
}

// slowClient comes again whenever it is cut off.
func (s *siege) slowClient(ctx context.Context, i int) {
	head := "GET / HTTP/1.1\r\nHost: shop.example\r\nX-Slow: "
	if i%slowOf < slowUploads {
		head = fmt.Sprintf("%sContent-Length: 1000000\r\n\r\n", headOf(i))
	}
	for ctx.Err() == nil {
		if !pauseFor(ctx, rand.N(time.Second)) {
			return
		}
		c, err := dial(ctx, s.gate.address)
		if err != nil {
			continue
		}
		trickle(ctx, c.conn, head)
		c.close()
	}
}

// headOf begins the upload of one of a few sessions.
func headOf(i int) string { return head("POST", "/counter.php", fmt.Sprintf("slow%d", i%slowSessions)) }

// trickle sends the head at once and then byte by byte, until the gate has had
// enough.
func trickle(ctx context.Context, c net.Conn, head string) {
	if _, err := c.Write([]byte(head)); err != nil {
		return
	}
	for pauseFor(ctx, slowPause/2+rand.N(slowPause)) {
		if _, err := c.Write([]byte("x")); err != nil {
			return
		}
	}
}

// pauseFor is false where ctx ends first.
func pauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
