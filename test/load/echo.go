package main

import (
	"context"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/websocket"
)

// startEcho serves WebSockets that send each message back, on a free port.
func (s *stand) startEcho(ctx context.Context) (address string, err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: websocket.Handler(echo), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l) // ends with Close
	}()
	s.atEnd(func() {
		_ = server.Close()
		<-served
	})
	return l.Addr().String(), nil
}

func echo(c *websocket.Conn) {
	var message string
	for websocket.Message.Receive(c, &message) == nil && websocket.Message.Send(c, message) == nil {
	}
}
