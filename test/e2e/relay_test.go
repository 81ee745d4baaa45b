package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

func TestASlowReaderDoesNotHoldItsSessionUp(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	j := newJournal(t)
	c := g.dial(t)
	if err := c.Conn.(*net.TCPConn).SetReadBuffer(128 << 10); err != nil {
		t.Fatal(err)
	}
	c.ask(t, "GET", j.page("big", "slow", "mb=20"), "one")
	resp := c.head(t)
	if _, err := io.ReadFull(resp.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	// The client has taken next to nothing, PHP is done all the same.
	g.get(t, j.page("slow", "next", "ms=0"), "one").want(t, 200)
	if got := fmt.Sprint(j.words(t)); got != "[begin slow end slow begin next end next]" {
		t.Errorf("journal %s", got)
	}
	rest, err := io.Copy(io.Discard, resp.Body)
	if err != nil || rest != 20<<20-1000 {
		t.Errorf("then came %d bytes, %v", rest, err)
	}
	g.wantEmptySpool(t)
}

func TestEachEventOfAStreamArrivesBeforeTheNextIsMade(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	j, end := newJournal(t), newBarrier(t)
	c := g.dial(t)
	c.ask(t, "GET", end.page(j, "a", "first=1"), "one")
	resp := c.head(t)
	in := bufio.NewReader(resp.Body)
	if line, err := in.ReadString('\n'); line != "first\n" || err != nil {
		t.Fatalf("got %q, %v", line, err)
	}
	if j.has(t, "end a") {
		t.Fatal("the page had ended")
	}
	end.lift(t)
	if rest, err := io.ReadAll(in); string(rest) != "last\n" || err != nil {
		t.Errorf("then came %q, %v", rest, err)
	}
	events := g.get(t, "/stream.php?n=5&ms=5", "one").want(t, 200)
	if want := "data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\ndata: 5\n\n"; events.body != want {
		t.Errorf("events %q", events.body)
	}
}

func TestAnEventStreamHoldsTheTurnToItsEnd(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 3)))
	j, end := newJournal(t), newBarrier(t)
	c := g.dial(t)
	c.ask(t, "GET", end.pageOf("stream", j, "stream", "n=20", "ms=1"), "one")
	resp := c.head(t)
	in := bufio.NewReader(resp.Body)
	if line, err := in.ReadString('\n'); line != "data: 1\n" || err != nil {
		t.Fatalf("got %q, %v", line, err)
	}
	next := g.queue(t, "/trivial.php", "one", 1)
	end.lift(t)
	rest, err := io.ReadAll(in)
	if err != nil || !strings.HasSuffix(string(rest), "data: 20\n\n") {
		t.Errorf("the stream ended with %q, %v", rest, err)
	}
	receive(t, next).want(t, 200)
}

func TestAClientThatLeavesInMidStreamKeepsTheTurnUntilPHPHasEnded(t *testing.T) {
	overTCPAndUnix(t, func(t *testing.T, g *gate) {
		j, end := newJournal(t), newBarrier(t)
		c := g.dial(t)
		c.ask(t, "GET", end.page(j, "gone", "first=1"), "one")
		if _, err := io.ReadFull(c.head(t).Body, make([]byte, len("first\n"))); err != nil {
			t.Fatal(err)
		}
		next := g.queue(t, j.page("slow", "next", "ms=0"), "one", 1)
		c.Close()
		g.get(t, "/trivial.php", "two").want(t, 200)
		if g.metric(t, "waiting") != 1 {
			t.Errorf("the next was let in while PHP ran: %q", j.words(t))
		}
		end.lift(t)
		receive(t, next).want(t, 200)
		if got := fmt.Sprint(j.words(t)); got != "[begin gone end gone begin next end next]" {
			t.Errorf("journal %s", got)
		}
		g.awaitMetric(t, `client_gone_total{stage="relay"}`, 1)
	})
}

// The answer of a client that left is read to its end, or PHP would wait for
// somebody to take it.
func TestAnAnswerNobodyReadsIsDrained(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)), "spool: {response_memory: 64KiB, max_response: 128KiB}")
	j := newJournal(t)
	c := g.dial(t)
	if err := c.Conn.(*net.TCPConn).SetReadBuffer(128 << 10); err != nil {
		t.Fatal(err)
	}
	c.ask(t, "GET", j.page("big", "gone", "mb=30"), "one")
	c.head(t)
	next := g.queue(t, j.page("slow", "next", "ms=0"), "one", 1)
	g.awaitMetric(t, "spool_disk_bytes", 128<<10) // the bound is reached
	if j.has(t, "end gone") {
		t.Fatal("PHP was not slowed at the bound of the spool")
	}
	c.Close()
	receive(t, next).want(t, 200)
	g.awaitMetric(t, "relay_stalls_total", 1)
	g.wantEmptySpool(t)
}

func TestAClientThatTakesNothingIsCutOff(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)), "server: {write_idle_timeout: 200ms}")
	c := g.dial(t)
	if err := c.Conn.(*net.TCPConn).SetReadBuffer(128 << 10); err != nil {
		t.Fatal(err)
	}
	c.ask(t, "GET", "/big.php?mb=30", "one")
	g.awaitMetric(t, `client_gone_total{stage="relay"}`, 1)
	if n, err := io.Copy(io.Discard, c.in); n >= 30<<20 {
		t.Errorf("all %d bytes came, %v", n, err)
	}
	g.wantEmptySpool(t)
}

func TestAnIdleConnectionKeepsNoDeadlineOfItsLastAnswer(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 2)), "server: {write_idle_timeout: 500ms}")
	c := g.dial(t)
	c.ask(t, "GET", "/trivial.php", "one")
	c.answer(t).want(t, 200)
	g.get(t, "/slow.php?ms=1000", "").want(t, 200) // longer than the deadline
	c.ask(t, "GET", "/trivial.php", "one")
	c.answer(t).want(t, 200)
}
