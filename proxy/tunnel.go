package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Why an upgraded connection was ended by the gate.
var (
	errTunnelIdle    = errors.New("proxy: no byte went either way for server.upgraded_idle_timeout")
	errClientStuck   = errors.New("proxy: the client took nothing for server.write_idle_timeout")
	errUpstreamStuck = errors.New("proxy: the upstream took nothing for server.write_idle_timeout")
	errTunnelEnded   = errors.New("proxy: client or upstream has ended the connection")
	errDraining      = errors.New("proxy: the gate drains, upgraded connections are closed")
)

// tunnel is an upgraded connection: bytes go both ways, and the gate does not
// look at them.
type tunnel struct {
	client     net.Conn
	fromClient io.Reader // the client, and before it what it has sent already
	upstream   io.ReadWriteCloser
	writeIdle  time.Duration // longest time in which a side takes nothing of what it is sent; 0: no limit

	end      context.CancelCauseFunc // closes both sides
	idle     *time.Timer             // nil: no limit
	idleTime time.Duration

	sent, received int64 // bytes to and from the client
}

// tunnelBuffer is what each direction takes: upgraded connections are many, and
// their messages small.
const tunnelBuffer = 8 << 10

// tunnel relays the 101 and then bytes both ways until both sides have ended,
// one of them breaks off, nothing moves any more, or the gate drains.
func (x *exchange) tunnel() error {
	client, buffered, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return fmt.Errorf("proxy: take over the client's connection: %w", err)
	}
	x.status, x.upgradedTo = http.StatusSwitchingProtocols, x.run.protocol
	x.gate.Metrics.upgraded.Inc()
	ctx, end := context.WithCancelCause(x.gate.tunnels)
	t := &tunnel{
		client: client, fromClient: buffered.Reader, upstream: x.run.switchedTo,
		writeIdle: x.setup.WriteIdleTimeout, end: end, idleTime: x.setup.UpgradedIdleTimeout,
	}
	defer func() {
		end(errTunnelEnded)
		t.close() // at once, whatever AfterFunc's goroutine does
	}()
	stop := context.AfterFunc(ctx, t.close)
	defer stop()
	t.pass(x.switchingProtocols())
	x.sent, x.received = t.sent, t.received
	if cause := context.Cause(ctx); !errors.Is(cause, errTunnelEnded) {
		x.cause = cause
	}
	return nil
}

// switchingProtocols is the head of the 101 for the client. net/http writes
// none to a connection that it has let go of.
func (x *exchange) switchingProtocols() []byte {
	from, h := x.run.resp.Header, http.Header{}
	dropConnectionHeaders(from)
	for name, values := range from {
		if passesDownstream(name) && name != "Content-Length" {
			h[name] = values
		}
	}
	h["Connection"], h["Upgrade"], h[requestIDHeader] = []string{"Upgrade"}, []string{x.run.protocol}, []string{x.requestID}
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = h.Write(&head) // a buffer takes all
	head.WriteString("\r\n")
	return head.Bytes()
}

// pass sends the head and copies both ways. It returns when both directions
// have ended.
func (t *tunnel) pass(head []byte) {
	if t.idleTime > 0 {
		t.idle = time.AfterFunc(t.idleTime, func() { t.end(errTunnelIdle) })
		defer t.idle.Stop()
	}
	toClient := &tunnelSide{Writer: t.client, socket: socketOf(t.client), patience: t.writeIdle, stuck: func() { t.end(errClientStuck) }}
	toUpstream := &tunnelSide{Writer: t.upstream, socket: socketOf(t.upstream), patience: t.writeIdle, stuck: func() { t.end(errUpstreamStuck) }}
	if _, err := toClient.Write(head); err != nil {
		t.end(errTunnelEnded)
		return
	}
	var up sync.WaitGroup
	up.Go(func() { t.received = t.copy(toUpstream, t.fromClient) })
	t.sent = t.copy(toClient, t.upstream)
	up.Wait()
}

// copy copies one direction to its end and returns how many bytes went. A side
// that only ends its sending may still receive; anything else ends both.
func (t *tunnel) copy(to io.Writer, from io.Reader) (n int64) {
	part := make([]byte, tunnelBuffer)
	for {
		read, err := from.Read(part)
		if read > 0 {
			written, writeErr := to.Write(part[:read])
			n += int64(written)
			if writeErr != nil {
				t.end(errTunnelEnded)
				return n
			}
			t.moved()
		}
		if err != nil {
			if err != io.EOF || closeWrite(to) != nil {
				t.end(errTunnelEnded)
			}
			return n
		}
	}
}

// moved says that bytes have arrived: reading them is not enough, for a side
// that takes nothing any more may be sent to for ever.
func (t *tunnel) moved() {
	if t.idle != nil {
		t.idle.Reset(t.idleTime)
	}
}

// close ends both sides. It may be called more than once, and at any time.
func (t *tunnel) close() {
	_ = t.client.Close() // nothing to be done about either
	_ = t.upstream.Close()
}

func closeWrite(to io.Writer) error {
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
