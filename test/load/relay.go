package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// relaySize is that of the answer, as the backend's ?mb= has it.
const relaySize = 10 << 20

// relay compares how an answer of 10 MB comes through the gate with how it comes
// through a bare httputil.ReverseProxy: how much later its first byte is, and how
// long the whole takes. The client reads as fast as it can. Answers are fetched
// in turns, one by one: a pause of the machine hits one of many. Each round has
// processes of its own: where the kernel puts them is as good as fixed, and makes
// a fifth of a millisecond either way.
func relay(ctx context.Context, s *stand) ([]figure, error) {
	config := gateConfig{}
	var gate, base arrivals // medians of the rounds
	var later []time.Duration
	for range s.plan.rounds {
		through, said, err := s.relayRound(ctx)
		if err != nil {
			return nil, err
		}
		config = said
		first := [...]time.Duration{median(through[0].first), median(through[1].first)}
		later = append(later, first[0]-first[1])
		gate.add(first[0], median(through[0].whole))
		base.add(first[1], median(through[1].whole))
	}
	with := fmt.Sprintf("10 MiB, one keep-alive client with a session, %s of %d answers each; %s", s.plan.ofRounds(s.plan.rounds), s.plan.relays, config.said())
	whole, baseWhole := s.plan.typical(gate.whole), s.plan.typical(base.whole)
	return []figure{
		timed("relay of 10 MB: first byte later than through httputil.ReverseProxy, µs", inMicros(median(later)), s.plan.relayLater, micros(median(gate.first), median(base.first)), with),
		timed("relay of 10 MB: whole answer, gate / httputil.ReverseProxy", ratio(whole, baseWhole), s.plan.relayBound, millis(whole, baseWhole), with),
	}, nil
}

// relayRound fetches answers through a gate and through a ReverseProxy of its own,
// in front of the same backend.
func (s *stand) relayRound(ctx context.Context) ([]arrivals, gateConfig, error) {
	upstream, backend, err := s.startPrinting(ctx, "backend")
	if err != nil {
		return nil, gateConfig{}, err
	}
	defer upstream.stop()
	proxy, bare, err := s.startPrinting(ctx, "reverseproxy", backend)
	if err != nil {
		return nil, gateConfig{}, err
	}
	defer proxy.stop()
	config := gateConfig{upstream: httpUpstream(backend)}
	g, err := s.startGate(ctx, config)
	if err != nil {
		return nil, gateConfig{}, err
	}
	defer g.stop()
	through, err := fetchBoth(ctx, []string{g.address, bare}, get("/?mb=10", newSession()), s.plan.relays)
	return through, config, err
}

// arrivals is when answers came, counted from their requests.
type arrivals struct{ first, whole []time.Duration }

func (a *arrivals) add(first, whole time.Duration) {
	a.first, a.whole = append(a.first, first), append(a.whole, whole)
}

// fetchBoth fetches an answer n times from each address, in turns.
func fetchBoth(ctx context.Context, addresses []string, request []byte, n int) ([]arrivals, error) {
	all := make([]arrivals, len(addresses))
	connections := make([]*connection, len(addresses))
	defer func() {
		for _, c := range connections {
			if c != nil {
				c.close()
			}
		}
	}()
	for i, address := range addresses {
		var err error
		if connections[i], err = dial(ctx, address); err != nil {
			return nil, err
		}
		connections[i].answer = bufio.NewReaderSize(connections[i].conn, 256<<10)
	}
	for round := range n {
		for turn := range addresses {
			i := (round + turn) % len(addresses) // who begins changes
			first, whole, err := connections[i].fetch(request, relaySize)
			if err != nil {
				return nil, fmt.Errorf("from %s: %w", addresses[i], err)
			}
			all[i].add(first, whole)
		}
	}
	return all, nil
}

// fetch sends a request and returns when the first byte of its answer came, and
// the last.
func (c *connection) fetch(request []byte, size int64) (first, whole time.Duration, err error) {
	began := time.Now()
	if err := c.send(request); err != nil {
		return 0, 0, err
	}
	if _, err := c.answer.Peek(1); err != nil {
		return 0, 0, err
	}
	first = time.Since(began)
	resp, err := http.ReadResponse(c.answer, nil)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	whole = time.Since(began)
	if err == nil && (n != size || resp.StatusCode != http.StatusOK) {
		err = fmt.Errorf("answered %s with %d bytes, want %d", resp.Status, n, size)
	}
	return first, whole, err
}
