package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run serves until the test ends, and sends one request.
func run(t *testing.T, o *orderly) *bufio.Reader {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- o.serve(l) }()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		if err := o.end(context.Background()); err != nil {
			t.Error(err)
		}
		<-served
	})
	if _, err := fmt.Fprint(client, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(client)
}

func TestARequestThatHasBegunIsAnswered(t *testing.T) {
	answers := run(t, newOrderly(func(w http.ResponseWriter, r *http.Request) {
		r.Context().Value(connKey{}).(net.Conn).Close() // as Shutdown does
		_, _ = io.WriteString(w, "ok")
	}))
	resp, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); string(body) != "ok" || err != nil {
		t.Errorf("answered %q, %v", body, err)
	}
	if rest, err := io.ReadAll(answers); len(rest) > 0 || err != nil {
		t.Errorf("then comes %q, %v; want the end", rest, err)
	}
}

func TestARequestOnAClosedConnectionDoesNotBegin(t *testing.T) {
	o := newOrderly(func(http.ResponseWriter, *http.Request) { t.Error("it has begun") })
	plain := o.ConnState
	o.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateActive {
			c.Close() // the request has been read, and its handler was not called yet
		}
		plain(c, state)
	}
	if answer, err := io.ReadAll(run(t, o)); len(answer) > 0 {
		t.Errorf("answered %q, %v", answer, err)
	}
}
