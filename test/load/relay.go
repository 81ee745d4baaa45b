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
// in turns, one by one: a pause of the machine hits one of many.
func relay(ctx context.Context, s *stand) ([]figure, error) {
	_, backend, err := s.startPrinting(ctx, "backend")
	if err != nil {
		return nil, err
	}
	_, bare, err := s.startPrinting(ctx, "reverseproxy", backend)
	if err != nil {
		return nil, err
	}
	config := gateConfig{upstream: httpUpstream(backend)}
	g, err := s.startGate(ctx, config)
	if err != nil {
		return nil, err
	}
	session := newSession()
	through, err := fetchBoth(ctx, []string{g.address, bare}, get("/?mb=10", session), s.plan.relays)
	if err != nil {
		return nil, err
	}
	gate, base := through[0], through[1]
	later := median(gate.first) - median(base.first)
	with := fmt.Sprintf("10 MiB, one keep-alive client with a session, %d answers each; %s", s.plan.relays, config.said())
	return []figure{
		held("relay of 10 MB: first byte later than through httputil.ReverseProxy, µs", inMicros(later), s.plan.relayLater, micros(median(gate.first), median(base.first)), with),
		held("relay of 10 MB: whole answer, gate / httputil.ReverseProxy", ratio(median(gate.whole), median(base.whole)), s.plan.relayBound, millis(median(gate.whole), median(base.whole)), with),
	}, nil
}

// arrivals is when answers came, counted from their requests.
type arrivals struct{ first, whole []time.Duration }

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
			all[i].first, all[i].whole = append(all[i].first, first), append(all[i].whole, whole)
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
