package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	burst     = 50                  // requests
	burstGap  = time.Millisecond    // between two of them
	burstPage = "/counter.php?ms=5" // adds one to the session's counter, unlocked
	burstSaid = "50 × " + burstPage // in the report
)

// order sends a burst of requests of one session through the gate, and the same
// number one after another. The page counts in its session: what it answers
// says in which order the requests were served, and how many updates were lost.
func order(ctx context.Context, s *stand) ([]figure, error) {
	pool, err := s.startPHP(ctx, s.unlockedSessions())
	if err != nil {
		return nil, err
	}
	config := gateConfig{socket: true, upstream: phpUpstream(pool)}
	g, err := s.startGate(ctx, config)
	if err != nil {
		return nil, err
	}
	var atOnce, oneByOne []time.Duration
	var lost, overtakes int
	for round := range s.plan.rounds {
		for turn := range 2 {
			send, times := sendBurst, &atOnce
			if (round+turn)%2 == 1 { // who begins changes from round to round
				send, times = sendOneByOne, &oneByOne
			}
			counts, took, err := send(ctx, g.address)
			if err != nil {
				return nil, err
			}
			*times = append(*times, took)
			lost += lostUpdates(counts)
			overtakes += overtaken(counts)
		}
	}
	with := fmt.Sprintf("%s, sent %s apart, a connection each; %s", burstSaid, burstGap, config.said())
	fast, slow := s.plan.typical(atOnce), s.plan.typical(oneByOne)
	s.progress("at once %.1f ms, one after another %.1f ms", inMillis(fast), inMillis(slow))
	return []figure{
		held("order: lost updates in all rounds", float64(lost), 0, fmt.Sprintf("of %d", 2*burst*s.plan.rounds), with),
		timed("order: requests overtaken by the next one", float64(overtakes), s.plan.overtakeBound, fmt.Sprintf("of %d", burst*s.plan.rounds), with),
		timed("order: time of all, at once / one after another", ratio(fast, slow), s.plan.orderBound, millis(fast, slow), with),
	}, nil
}

// sendBurst returns what the page answered to each request, in the order of
// sending, and the time from the first request to the last answer.
func sendBurst(ctx context.Context, address string) ([]int, time.Duration, error) {
	connections, err := dialEach(ctx, address, burst)
	if err != nil {
		return nil, 0, err
	}
	defer closeEach(connections)
	request := get(burstPage, newSession())
	counts, failed := make([]int, burst), make([]error, burst)
	var answers sync.WaitGroup
	began := time.Now()
	for i, c := range connections {
		if err = errors.Join(c.send(request), awaitTaken(ctx, c)); err != nil {
			closeEach(connections) // nobody waits for answers any more
			break
		}
		answers.Go(func() { counts[i], failed[i] = count(c.receive()) })
	}
	answers.Wait()
	return counts, time.Since(began), errors.Join(err, errors.Join(failed...))
}

// awaitTaken waits for the time between two requests, and for as long as the
// gate has not read the first: only then is the order of sending the order in
// which the gate takes them in. Where the machine has nothing else to do, it
// has been read by then.
func awaitTaken(ctx context.Context, c *connection) error {
	time.Sleep(burstGap)
	var err error
	return errors.Join(until(ctx, func() bool {
		var taken bool
		taken, err = c.taken()
		return taken || err != nil
	}), err)
}

// sendOneByOne is sendBurst for a client that waits for each answer.
func sendOneByOne(ctx context.Context, address string) ([]int, time.Duration, error) {
	c, err := dial(ctx, address)
	if err != nil {
		return nil, 0, err
	}
	defer c.close()
	request := get(burstPage, newSession())
	counts := make([]int, burst)
	began := time.Now()
	for i := range counts {
		if counts[i], err = count(c.do(request)); err != nil {
			return nil, 0, err
		}
	}
	return counts, time.Since(began), nil
}

// count reads counter.php's answer.
func count(answer string, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(answer))
}

// lostUpdates is how far a session's counter has stayed behind the requests.
func lostUpdates(counts []int) int {
	last := 0
	for _, n := range counts {
		last = max(last, n)
	}
	return len(counts) - last
}

// overtaken is how many requests were served after one that was sent next.
func overtaken(counts []int) int {
	n := 0
	for i := 1; i < len(counts); i++ {
		if counts[i] < counts[i-1] {
			n++
		}
	}
	return n
}

// millis spells the two sides of a ratio.
func millis(subject, base time.Duration) string {
	return fmt.Sprintf("%.1f / %.1f ms", inMillis(subject), inMillis(base))
}
