package e2e

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/gatetest"
)

// A side that takes nothing is given up, though it says something all the time:
// what it says does not keep the other's bytes waiting for ever.
func TestASideThatOnlySpeaksIsGivenUp(t *testing.T) {
	const settings = "server: {write_idle_timeout: 300ms}"
	for _, protocol := range []string{"plain", "TLS"} {
		start := func(t *testing.T, serve func(net.Conn, *bufio.Reader)) (*gate, *conn) {
			if protocol == "TLS" {
				g := upgrading(t, switching, serve, settings, newCertificate(t).config())
				return g, g.dialTLS(t, "http/1.1")
			}
			g := upgrading(t, switching, serve, settings)
			return g, g.dial(t)
		}
		t.Run("the upstream, "+protocol, func(t *testing.T) {
			t.Parallel()
			g, c := start(t, func(c net.Conn, _ *bufio.Reader) { _ = sendSlowly(c, "tick", 20*60) })
			c.upgrade(t, "/ws")
			heard := make(chan struct{})
			go func() {
				defer close(heard)
				_, _ = io.Copy(io.Discard, c.in)
			}()
			_, err := io.Copy(c, endless{})
			wantGivenUp(t, g, err, "the upstream took nothing")
			<-heard
		})
		t.Run("the client, "+protocol, func(t *testing.T) {
			t.Parallel()
			ended := make(chan error, 1)
			g, c := start(t, func(c net.Conn, in *bufio.Reader) {
				go func() { _, _ = io.Copy(io.Discard, in) }() // until the connection ends
				_, err := io.Copy(c, endless{})
				ended <- err
			})
			c.upgrade(t, "/ws")
			_ = sendSlowly(c, "tick", 20*60)
			wantGivenUp(t, g, <-ended, "the client took nothing")
		})
	}
}

func wantGivenUp(t *testing.T, g *gate, err error, why string) {
	t.Helper()
	if err == nil {
		t.Error("the other side could say all it had")
	}
	g.awaitMetric(t, "upgraded", 0)
	if cause, _ := g.accessLine(t, "/ws")["error"].(string); !strings.Contains(cause, why) {
		t.Errorf("the access line says %q, want %q", cause, why)
	}
}

func TestAnUpgradedUpstreamThatTakesALittleIsNotGivenUp(t *testing.T) {
	t.Parallel()
	gatetest.Unhurried(t, shortest, func(idle time.Duration) error {
		taken, seen := make(chan error, 1), make(chan struct{})
		g := upgrading(t, switching, func(c net.Conn, in *bufio.Reader) {
			_ = c.(*net.TCPConn).SetReadBuffer(16 << 10) // else it takes more at once
			taken <- takeALittle(in, idle)
			<-seen
		}, writeIdle(idle))
		c := g.dial(t)
		c.upgrade(t, "/ws")
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_, _ = io.Copy(c, endless{})
		}()
		err := g.stillUpgraded(t, <-taken)
		close(seen)
		<-sent
		g.awaitMetric(t, "upgraded", 0)
		return err
	})
}

// stillUpgraded says what became of a connection of which one side has taken a
// little for long: err or nothing amiss.
func (g *gate) stillUpgraded(t *testing.T, err error) error {
	t.Helper()
	if n := g.metric(t, "upgraded"); err == nil && n != 1 {
		err = errors.New("the connection was given up, though something is taken") // what the kernel has still comes
	}
	return err
}

// The kernel holds megabytes for a slow side, and a write to it does not end for
// long: as long as it takes a little it is kept.
func TestAnUpgradedClientThatTakesALittleIsNotGivenUp(t *testing.T) {
	t.Parallel()
	gatetest.Unhurried(t, shortest, func(idle time.Duration) error {
		g := upgrading(t, switching, func(c net.Conn, _ *bufio.Reader) { _, _ = io.Copy(c, endless{}) }, writeIdle(idle))
		c := g.dial(t)
		takeInLittle(t, c)
		c.upgrade(t, "/ws")
		return g.stillUpgraded(t, takeALittle(c.in, idle))
	})
}
