package proxy

import (
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sessiongate/sessiongate/internal/rules"
)

func TestWaitTimeoutRefusesWithRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, func(p *rules.Policy, _ *Settings) { p.WaitTimeout = time.Second })
		b.send("GET", "")
		synctest.Wait()
		second := b.send("GET", "")
		<-second.done
		if second.Code != http.StatusTooManyRequests || !saysRetry(second, 2, 3) {
			t.Fatalf("status %d, Retry-After %q", second.Code, second.Header().Get("Retry-After"))
		}
		b.want("refused", int(testutil.ToFloat64(b.gate.Metrics.refusals.WithLabelValues("wait_timeout"))), 1)
		b.want("at PHP", s.running(), 1)
		s.let(ok(""))
	})
}

func TestWaitTimeoutForwardsWithoutTheTurnWhereTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, func(p *rules.Policy, _ *Settings) {
			p.WaitTimeout, p.ForwardOnTimeout = time.Second, true
		})
		b.send("GET", "")
		synctest.Wait()
		second := b.send("GET", "")
		<-time.After(time.Second)
		synctest.Wait()
		b.want("at PHP", s.running(), 2)
		b.want("counted", int(testutil.ToFloat64(b.gate.Metrics.withoutTurn.WithLabelValues("wait_timeout"))), 1)
		s.let(ok("first"))
		s.let(ok("second"))
		<-second.done
		if got := second.Body.String(); got != "second" {
			t.Fatalf("the second client got %q", got)
		}
	})
}

func TestBarrierPassesTheTurnOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, func(p *rules.Policy, _ *Settings) { p.Lock = rules.Barrier })
		for range 3 {
			b.send("GET", "")
		}
		synctest.Wait()
		b.want("at PHP", s.running(), 3)
		for range 3 {
			s.let(ok(""))
		}
	})
}

func TestWithoutSessionNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		for _, cookie := range []string{"", "PHPSESSID=", "OTHER=abc"} {
			b.send("GET", "", "Cookie", cookie)
		}
		synctest.Wait()
		b.want("at PHP", s.running(), 3)
		for range 3 {
			s.let(ok(""))
		}
	})
}

// A departure is seen on the socket itself, behind whatever was sent before.
func TestDepartureIsSeenBehindUnreadBytes(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			l, err := net.Listen(network, address)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			client, err := net.Dial(network, l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			server, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = server.Close() }()
			if _, err := client.Write([]byte("G")); err != nil {
				t.Fatal(err)
			}
			kept := newSocket(server)
			if kept.peerGone() {
				t.Fatal("a client that is there counts as gone")
			}
			_ = client.Close()
			for end := time.Now().Add(10 * time.Second); !kept.peerGone(); {
				if time.Now().After(end) {
					t.Fatal("a client that left is not noticed")
				}
			}
		})
	}
	server, client := net.Pipe()
	defer func() { _ = server.Close() }()
	_ = client.Close()
	if newSocket(server).peerGone() {
		t.Fatal("a connection that is no socket cannot be asked")
	}
}
