// Command reverseproxy is what test/load measures the gate's pass-through
// against: net/http/httputil's ReverseProxy, as bare as it comes.
//
//	reverseproxy 127.0.0.1:8080
//
// It listens on a free port of 127.0.0.1, prints that address as its first
// line, and passes everything on to the address given. Its transport is
// net/http's own, but for the number of idle connections kept: with the default
// of two it would dial for most requests, and the comparison would be easy to
// win. It has no log, no metrics, no limits. It is no part of the gate.
package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"
)

// idleConnections is as many as the gate keeps.
const idleConnections = 512

func main() {
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "reverseproxy:", err)
		os.Exit(1)
	}
}

func serve(args []string) error {
	if len(args) != 1 {
		return errors.New("give the address of the backend, such as 127.0.0.1:8080")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = idleConnections, idleConnections
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: args[0]})
	proxy.Transport = transport

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return (&http.Server{Handler: proxy, ReadHeaderTimeout: 10 * time.Second}).Serve(l)
}
