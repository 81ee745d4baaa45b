package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// users are the sessions of ordinary visitors: each sends requests at its own
// steady pace, on one connection.
type users struct {
	sessions int
	interval time.Duration // between two requests of one session
	path     string
	apart    bool // each comes from an address of its own, behind a proxy
}

// visit sends requests for as long as the phase lasts and returns how long each
// one took, counted from the moment at which it was due: a visitor who clicks
// while the last page is still loading waits for both. What has not been
// answered when the phase ends counts with the time it has waited until then.
func (u users) visit(ctx context.Context, address string, phase time.Duration) ([]time.Duration, error) {
	connections, err := dialEach(ctx, address, u.sessions)
	if err != nil {
		return nil, err
	}
	defer closeEach(connections)
	began := time.Now()
	var mu sync.Mutex
	var took []time.Duration
	failed := make([]error, u.sessions)
	var all sync.WaitGroup
	for i, c := range connections {
		first := began.Add(u.interval * time.Duration(i) / time.Duration(u.sessions))
		request := get(u.path, newSession())
		if u.apart {
			request = from(fmt.Sprintf("203.0.113.%d", i+1), request)
		}
		all.Go(func() {
			times, err := one(c, request, first, began.Add(phase), u.interval)
			failed[i] = err
			mu.Lock()
			defer mu.Unlock()
			took = append(took, times...)
		})
	}
	all.Wait()
	return took, errors.Join(errors.Join(failed...), context.Cause(ctx))
}

// one is one visitor, from the first request to the end of the phase.
func one(c *connection, request []byte, first, end time.Time, interval time.Duration) ([]time.Duration, error) {
	_ = c.conn.SetDeadline(end) // nothing later is waited for
	var took []time.Duration
	free := first
	for at := first; at.Before(end); at = at.Add(interval) {
		due := at.Add(rand.N(interval / 10)) // visitors do not march in step
		if !due.Before(end) {
			return took, nil
		}
		time.Sleep(time.Until(due))
		if free.Before(due) {
			due = time.Now() // the connection was free: the timer's lateness is none of the gate's
		}
		_, err := c.do(request)
		free = time.Now()
		if err != nil && free.Before(end) {
			return took, err
		}
		took = append(took, min(free.Sub(due), end.Sub(due)))
	}
	return took, nil
}
