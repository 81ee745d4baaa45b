// Command backend is the trivial HTTP server behind the proxies whose CPU time
// test/load compares: it answers every request with "ok".
//
// It listens on a free port of 127.0.0.1, prints that address as its first
// line, and serves until it is ended. It costs next to nothing, so that it
// takes little from the proxy under test, and it never closes a connection
// that is in use. It is no part of the gate.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "backend:", err)
		os.Exit(1)
	}
}

func serve() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	s := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"text/plain"}
		_, _ = io.WriteString(w, "ok") // a client that left needs no answer
	})}
	return s.Serve(l)
}
