package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// crowd is a load without pauses: clients that each send their next request
// when the last one has been answered, on one connection each.
type crowd struct {
	clients  int
	requests int // of all clients together
	path     string
	cookies  bool // each client has a session of its own
	sessions int  // that each client has, for one request after another; 0 is 1
	answer   string
}

// part is the nth part of the load.
func (c crowd) part(n int) crowd {
	c.requests /= n
	return c
}

// run sends all requests and fails where one is answered otherwise than
// expected.
func (c crowd) run(ctx context.Context, address string) error {
	connections, err := dialEach(ctx, address, c.clients)
	if err != nil {
		return err
	}
	defer closeEach(connections)
	failed := make([]error, c.clients)
	var all sync.WaitGroup
	for i, conn := range connections {
		all.Go(func() { failed[i] = c.client(conn) })
	}
	all.Wait()
	return errors.Join(failed...)
}

func (c crowd) client(conn *connection) error {
	requests := make([][]byte, max(c.sessions, 1))
	for i := range requests {
		session := ""
		if c.cookies {
			session = newSession()
		}
		requests[i] = get(c.path, session)
	}
	for i := range c.requests / c.clients {
		switch answer, err := conn.do(requests[i%len(requests)]); {
		case err != nil:
			return err
		case answer != c.answer:
			return fmt.Errorf("answered %q, not %q", answer, c.answer)
		}
	}
	return nil
}
