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
	session := ""
	if c.cookies {
		session = newSession()
	}
	request := get(c.path, session)
	for range c.requests / c.clients {
		switch answer, err := conn.do(request); {
		case err != nil:
			return err
		case answer != c.answer:
			return fmt.Errorf("answered %q, not %q", answer, c.answer)
		}
	}
	return nil
}
