package faultproxy_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/test/fault/faultproxy"
)

func TestCutResetsWhatIsOpenAndTakesWhatComes(t *testing.T) {
	e := startEcho(t)
	p := faultproxy.Start(t, e.address)
	var conns []net.Conn
	for i := range 3 {
		conn := dial(t, p)
		say(t, conn, "hello")
		hear(t, conn, "hello")
		conns = append(conns, conn)
		if n := p.Connections(); n != i+1 {
			t.Errorf("%d connections, want %d", n, i+1)
		}
	}
	p.Cut()
	if n := p.Connections(); n != 0 {
		t.Errorf("%d connections after Cut", n)
	}
	for _, conn := range conns {
		if err := isReset(t, conn); err != nil {
			t.Error(err)
		}
	}
	eventually(t, "the server sees three resets", func() bool { return len(e.ended()) == 3 })
	for _, end := range e.ended() {
		if !errors.Is(end, syscall.ECONNRESET) {
			t.Errorf("the server saw %v, want a reset", end)
		}
	}
	again := dial(t, p)
	say(t, again, "again")
	hear(t, again, "again")
}

func TestRefuseKeepsWhatIsOpen(t *testing.T) {
	p := faultproxy.Start(t, startEcho(t).address)
	conn := dial(t, p)
	say(t, conn, "one")
	hear(t, conn, "one")
	for range 3 {
		p.Refuse()
		p.Refuse()
		if _, err := net.Dial("tcp", p.Address()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("a new connection: %v, want it refused", err)
		}
		say(t, conn, "two")
		hear(t, conn, "two")
		if err := p.Accept(); err != nil {
			t.Fatal(err)
		}
		other := dial(t, p)
		say(t, other, "three")
		hear(t, other, "three")
	}
}

func TestFrozenBytesAreKept(t *testing.T) {
	e := startEcho(t)
	p := faultproxy.Start(t, e.address)
	conn := dial(t, p)
	say(t, conn, "one ")
	hear(t, conn, "one ")
	p.Freeze()
	p.Freeze()
	fresh := dial(t, p)
	say(t, conn, "two ")
	say(t, fresh, "three ")
	hearNothing(t, conn)
	hearNothing(t, fresh)
	if got := e.received(); got != "one " {
		t.Errorf("the server got %q", got)
	}
	p.Thaw()
	p.Thaw()
	hear(t, conn, "two ")
	hear(t, fresh, "three ")
}

func TestServerDoesNotLearnOfAnEndWhileFrozen(t *testing.T) {
	e := startEcho(t)
	p := faultproxy.Start(t, e.address)
	conn := dial(t, p)
	say(t, conn, "one")
	hear(t, conn, "one")
	p.Freeze()
	conn.Close()
	other := dial(t, p)
	hearNothing(t, other) // time in which the end could have come
	if ends := e.ended(); len(ends) > 0 {
		t.Errorf("the server saw %v", ends)
	}
	p.Thaw()
	eventually(t, "the server sees the end", func() bool { return len(e.ended()) == 1 })
}

func TestCutReachesWhatIsFrozen(t *testing.T) {
	p := faultproxy.Start(t, startEcho(t).address)
	conn := dial(t, p)
	say(t, conn, "one")
	hear(t, conn, "one")
	p.Freeze()
	say(t, conn, "two")
	p.Cut()
	if err := isReset(t, conn); err != nil {
		t.Error(err)
	}
}

func TestDroppedRepliesAreOfCommandsThatWereCarriedOut(t *testing.T) {
	server := redistest.Start(t)
	p := faultproxy.Start(t, server.Address())
	o := server.ClientOptions()
	o.Addr, o.ReadTimeout, o.MaxRetries = p.Address(), time.Second, -1
	c := redis.NewClient(o)
	defer c.Close()
	if err := c.Incr(t.Context(), "n").Err(); err != nil {
		t.Fatal(err)
	}
	p.DropReplies()
	if n, err := c.Incr(t.Context(), "n").Result(); err == nil {
		t.Errorf("a reply came: %d", n)
	}
	direct := server.Client(t)
	eventually(t, "the command is carried out", func() bool {
		n, err := direct.Get(t.Context(), "n").Int()
		return err == nil && n == 2
	})
	p.Cut()
	p.PassReplies()
	if n, err := c.Incr(t.Context(), "n").Result(); err != nil || n != 3 {
		t.Errorf("replies pass again: %d, %v", n, err)
	}
}

func TestDelayIsAddedEachWayAndKeepsOrder(t *testing.T) {
	p := faultproxy.Start(t, startEcho(t).address)
	conn := dial(t, p)
	const delay = 6 * silence
	p.Delay(delay)
	say(t, conn, "one ")
	hearNothing(t, conn)
	p.Delay(0)
	say(t, conn, "two ")
	hear(t, conn, "one two ")
	p.Delay(delay)
	start := time.Now()
	say(t, conn, "three")
	hear(t, conn, "three")
	if took := time.Since(start); took < 2*delay {
		t.Errorf("there and back in %v", took)
	}
}

func TestCutAfterPassesThatManyBytes(t *testing.T) {
	for _, n := range []int{0, 3, 5} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			e := startEcho(t)
			p := faultproxy.Start(t, e.address)
			idle := dial(t, p)
			say(t, idle, "idle.")
			hear(t, idle, "idle.")
			conn := dial(t, p)
			p.CutAfter(5 + n)
			say(t, conn, "first")
			if n > 0 { // else it is cut before the answer
				hear(t, conn, "first")
				say(t, conn, "other")
			}
			if err := isReset(t, idle); err != nil {
				t.Error(err)
			}
			eventually(t, "the server sees both end", func() bool { return len(e.ended()) == 2 })
			if want := "idle.first" + "other"[:n]; e.received() != want {
				t.Errorf("the server got %q, want %q", e.received(), want)
			}
			if _, err := io.ReadAll(conn); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the client saw %v, want a reset", err)
			}
			again := dial(t, p)
			say(t, again, "hello, and more")
			hear(t, again, "hello, and more")
		})
	}
}

// TestFaultsMayComeAtOnce looks for races and for what does not end.
func TestFaultsMayComeAtOnce(t *testing.T) {
	p := faultproxy.Start(t, startEcho(t).address)
	var busy sync.WaitGroup
	for range 4 {
		busy.Go(func() {
			for range 100 {
				conn, err := net.Dial("tcp", p.Address())
				if err != nil {
					continue
				}
				conn.SetDeadline(time.Now().Add(5 * time.Millisecond))
				_, _ = io.WriteString(conn, "hello")
				_, _ = io.ReadFull(conn, make([]byte, 5))
				conn.Close()
			}
		})
	}
	for _, faults := range [][]func(){
		{p.Freeze, p.Thaw},
		{p.DropReplies, p.PassReplies},
		{p.Refuse, func() { _ = p.Accept() }},
		{func() { p.Delay(time.Millisecond) }, p.Cut, func() { p.Delay(0) }, func() { p.CutAfter(20) }},
	} {
		busy.Go(func() {
			for range 50 {
				for _, fault := range faults {
					fault()
				}
			}
		})
	}
	busy.Wait()
	p.Cut()
	conn := dial(t, p)
	p.CutAfter(1 << 20)
	say(t, conn, "hello")
	hear(t, conn, "hello")
}
