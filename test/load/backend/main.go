// Command backend is the trivial HTTP server behind the proxies of test/load: it
// answers every request with "ok".
//
//	backend [address]
//
// It listens there, or on a free port of 127.0.0.1, prints its address as its
// first line, and serves until it is interrupted; then it ends what is under way
// and takes nothing new. After SIGUSR1 it says on /health that it is not well. As the pages of test/php do, it works for ?ms= and
// writes "begin ID" to the file that ?journal= names.
//
// It costs next to nothing, so that it takes little from the proxy under test,
// and it never closes a connection that is in use. It is no part of the gate.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	address := "127.0.0.1:0"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := serve(address); err != nil {
		fmt.Fprintln(os.Stderr, "backend:", err)
		os.Exit(1)
	}
}

func serve(address string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	unwell := make(chan os.Signal, 1)
	signal.Notify(unwell, syscall.SIGUSR1)
	defer signal.Stop(unwell)
	go func() {
		<-unwell
		ending.Store(true)
	}()
	s := newOrderly(answer)
	ended := make(chan error)
	go func() {
		<-ctx.Done()
		ended <- s.end(context.WithoutCancel(ctx))
	}()
	if err := s.serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}

// ending: the server will be ended soon.
var ending atomic.Bool

func answer(w http.ResponseWriter, r *http.Request) {
	if ending.Load() && r.URL.Path == "/health" {
		http.Error(w, "ending", http.StatusServiceUnavailable)
		return
	}
	if r.URL.RawQuery != "" {
		if err := work(r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	w.Header()["Content-Type"] = []string{"text/plain"}
	if mb, err := strconv.Atoi(r.URL.Query().Get("mb")); err == nil {
		fill(w, mb)
		return
	}
	_, _ = io.WriteString(w, "ok") // a client that left needs no answer
}

var megabyte = bytes.Repeat([]byte("x"), 1<<20)

// fill answers with so many megabytes, in parts as PHP and files come.
func fill(w http.ResponseWriter, mb int) {
	w.Header().Set("Content-Length", strconv.Itoa(mb<<20))
	const part = 32 << 10
	for range mb {
		for at := 0; at < len(megabyte); at += part {
			if _, err := w.Write(megabyte[at : at+part]); err != nil {
				return // the client left
			}
		}
	}
}

func work(r *http.Request) error {
	query := r.URL.Query()
	if file := query.Get("journal"); file != "" {
		journal, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(journal, "begin %s\n", query.Get("id")) // one write: lines do not mix
		if err = errors.Join(err, journal.Close()); err != nil {
			return err
		}
	}
	if ms, err := strconv.Atoi(query.Get("ms")); err == nil {
		time.Sleep(time.Duration(ms) * time.Millisecond)
	}
	return nil
}
