package faultproxy

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

const (
	chunkSize = 16 << 10
	// onTheWay bounds the chunks that one direction of a link keeps, delayed
	// or frozen; then the sender is slowed, as by a full window.
	onTheWay = 256
)

// link is one client's connection and the one to the server that is made for it.
type link struct {
	proxy  *Proxy
	client net.Conn
	ctx    context.Context
	cut    context.CancelCauseFunc
	ended  chan struct{}
}

// run owns both connections from start to end.
func (k *link) run() {
	defer close(k.ended)
	defer k.proxy.forget(k)
	defer k.cut(nil)
	server, err := k.reach()
	if err != nil {
		reset(k.client)
		return
	}
	done := make(chan struct{})
	stop := context.AfterFunc(k.ctx, func() {
		defer close(done)
		reset(k.client)
		if context.Cause(k.ctx) == errSpent {
			server.Close()
		} else {
			reset(server)
		}
	})
	var both sync.WaitGroup
	both.Go(func() { k.pass(k.client, server, k.toServer) })
	both.Go(func() { k.pass(server, k.client, k.toClient) })
	both.Wait()
	if !stop() {
		<-done
	}
	k.client.Close()
	server.Close()
}

// reach connects to the server, once the proxy is not frozen.
func (k *link) reach() (net.Conn, error) {
	select {
	case <-k.proxy.melted():
		return new(net.Dialer).DialContext(k.ctx, k.proxy.network, k.proxy.target)
	case <-k.ctx.Done():
		return nil, context.Cause(k.ctx)
	}
}

// chunk is what one read gave.
type chunk struct {
	data []byte
	end  error // io.EOF, or what broke
	due  time.Time
}

// pass brings what from sends to to, through deliver, until one of them ends.
func (k *link) pass(from, to net.Conn, deliver func(net.Conn, []byte) error) {
	way := make(chan chunk, onTheWay)
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(way)
		k.read(from, way)
	})
	for c := range way {
		if !k.wait(c.due) {
			break
		}
		if len(c.data) > 0 && deliver(to, c.data) != nil {
			k.cut(errCut)
			break
		}
		if c.end == io.EOF {
			closeWrite(to)
		} else if c.end != nil {
			k.cut(errCut)
		}
	}
	reader.Wait()
}

func (k *link) read(from net.Conn, way chan<- chunk) {
	buffer := make([]byte, chunkSize)
	for {
		n, err := from.Read(buffer)
		c := chunk{data: append([]byte(nil), buffer[:n]...), end: err, due: k.proxy.due()}
		select {
		case way <- c:
		case <-k.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// wait holds a chunk back until it is due and the proxy is not frozen; false
// where the link was cut meanwhile.
func (k *link) wait(due time.Time) bool {
	if !due.IsZero() {
		timer := time.NewTimer(time.Until(due))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-k.ctx.Done():
			return false
		}
	}
	select {
	case <-k.proxy.melted():
		return k.ctx.Err() == nil
	case <-k.ctx.Done():
		return false
	}
}

func (k *link) toServer(server net.Conn, data []byte) error {
	pass, cut := k.proxy.spend(len(data))
	_, err := server.Write(data[:pass])
	if cut {
		k.proxy.cutAll(errSpent)
	}
	return err
}

func (k *link) toClient(client net.Conn, data []byte) error {
	if k.proxy.drops() {
		return nil
	}
	_, err := client.Write(data)
	return err
}

// closeWrite passes the end of one direction on.
func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // it may have gone
	}
}

// reset closes a connection so that the other side gets a reset, which a unix
// socket does not have.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // it may have gone
	}
	conn.Close()
}
