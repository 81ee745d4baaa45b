package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
)

const (
	crowdSessions = 20
	crowdWaiting  = 500
	crowdUploads  = 500
)

// A thousand clients: half of them wait or run over twenty sessions, half are
// in the middle of an upload. All leave at once. The gate keeps some goroutines
// to use them again, so that what counts is what a second crowd leaves.
func TestAThousandClientsThatVanishLeaveNothing(t *testing.T) {
	pool := startPHP(t, crowdSessions)
	before := runtime.NumGoroutine() // those of tests that run later are there, too
	g := startGate(t, inFrontOf(pool), "lock: {max_waiting: 0, max_waiting_per_client: 0}", "server: {max_uploading_per_client: 0}",
		"spool: {body_memory: 4KiB}", "log: {access: false}")
	g.crowdComesAndVanishes(t)
	settle(t, g)
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	g.crowdComesAndVanishes(t)
	settle(t, g)
	eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines }, func() string {
		var stacks strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
		return fmt.Sprintf("%d goroutines, there were %d:\n%s", runtime.NumGoroutine(), goroutines, &stacks)
	})
	eventually(t, func() bool { return openFiles(t) <= files },
		func() string { return fmt.Sprintf("%d files are open, there were %d", openFiles(t), files) })
	if kept, limit := goroutines-before, crowdUploads/10; kept > limit {
		t.Errorf("%d goroutines are kept after a crowd of %d, want at most %d", kept, crowdUploads+crowdWaiting, limit)
	}
	g.get(t, "/counter.php", "s1").want(t, 200)
}

func (g *gate) crowdComesAndVanishes(t *testing.T) {
	t.Helper()
	j, end := newJournal(t), newBarrier(t)
	var all []*conn
	for i := range crowdWaiting {
		c := g.dial(t)
		c.ask(t, "GET", end.page(j, "x"), fmt.Sprintf("s%d", i%crowdSessions))
		all = append(all, c)
	}
	for i := range crowdUploads {
		all = append(all, g.halfAnUpload(t, i))
	}
	g.awaitMetric(t, "waiting", crowdWaiting-crowdSessions)
	g.awaitMetric(t, "uploading", crowdUploads)
	eventually(t, func() bool { return len(g.openSpoolFiles(t)) == crowdUploads },
		func() string { return fmt.Sprintf("%d bodies are on disk", len(g.openSpoolFiles(t))) })
	for _, c := range all {
		c.Close()
	}
	g.awaitMetric(t, "waiting", 0)
	g.awaitMetric(t, "uploading", 0)
	end.lift(t)
	g.awaitMetric(t, "in_flight", 0)
	g.awaitMetric(t, "sessions", 0)
	g.wantEmptySpool(t)
	if began := len(j.begun(t)); began > crowdSessions {
		t.Errorf("%d requests reached PHP, want the %d that had a turn", began, crowdSessions)
	}
}

// halfAnUpload sends the head and half of a body.
func (g *gate) halfAnUpload(t *testing.T, i int) *conn {
	t.Helper()
	c := g.dial(t)
	half := strings.Repeat("x", 100_000)
	length := "Content-Length: 200000"
	if i%2 == 0 {
		length = "Transfer-Encoding: chunked"
		half = fmt.Sprintf("%x\r\n%s\r\n", len(half), half)
	}
	c.ask(t, "POST", "/echo.php", fmt.Sprintf("s%d", i%crowdSessions), length)
	if _, err := io.WriteString(c, half); err != nil {
		t.Fatal(err)
	}
	return c
}

// settle waits until what the test itself keeps open is closed.
func settle(t *testing.T, g *gate) {
	t.Helper()
	g.client.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	last := -1
	eventually(t, func() bool {
		n := runtime.NumGoroutine() + openFiles(t)
		same := n == last
		last = n
		return same
	}, func() string { return "the number of goroutines does not come to rest" })
}

// openFiles counts the files and sockets of this process.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
