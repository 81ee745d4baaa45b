package e2e

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
)

// One client leaves large answers unread. Others' uploads have room, and others'
// answers are spooled, so that PHP is done with them.
func TestAClientThatReadsNothingFillsTheSpoolForNobodyElse(t *testing.T) {
	const slow = 4
	g := startGate(t, inFrontOf(startPHP(t, slow+2)), "server: {trusted_proxies: ['127.0.0.0/8']}",
		"spool: {max_memory: 4MiB, max_disk: 64MiB, max_response: 40MiB, max_disk_per_client: 40MiB}")
	j := newJournal(t)
	ask := func(session, client, mb string) *conn {
		c := g.dial(t)
		if err := c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
			t.Fatal(err)
		}
		c.ask(t, "GET", j.page("big", session, "mb="+mb), session, "X-Forwarded-For: "+client)
		return c
	}
	var crowd []*conn
	for i := range slow {
		crowd = append(crowd, ask(fmt.Sprint("slow", i), "192.0.2.1", "35"))
	}
	g.awaitMetric(t, "in_flight", slow)
	// Half of the three quarters that answers may have.
	eventually(t, func() bool { return g.metric(t, "spool_disk_bytes") > 22<<20 }, func() string { return "the client keeps less than its share" })
	quick := ask("quick", "192.0.2.2", "16")
	j.await(t, "end quick")
	r := request(t, "POST", "/echo.php", "upload", bytes.NewReader(randomBytes(2_000_000)))
	r.Header.Set("X-Forwarded-For", "192.0.2.3")
	if got := readEcho(t, g.do(r)); got.Length != 2_000_000 {
		t.Errorf("PHP saw %+v", got)
	}
	if n := strings.Count(fmt.Sprint(j.words(t)), "end slow"); n == slow {
		t.Error("all answers of the slow client were spooled: nothing was shown")
	}
	if n := g.metric(t, "spool_disk_bytes"); n > 48<<20 {
		t.Errorf("answers have %v bytes of disk, more than three quarters", n)
	}
	for _, c := range append(crowd, quick) {
		c.Close()
	}
	g.wantEmptySpool(t)
}
