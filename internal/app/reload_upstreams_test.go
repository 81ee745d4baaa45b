package app

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/proxy"
)

// backend is a server that says its name; a request of /slow waits there.
type backend struct {
	address    string
	here, goOn chan struct{}
	open       atomic.Int64 // connections
	checks     atomic.Int64 // of /health
}

func startBackend(t *testing.T, name string) *backend {
	t.Helper()
	b := &backend{here: make(chan struct{}, 9), goOn: make(chan struct{})}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/health":
			b.checks.Add(1)
		case "/slow":
			b.here <- struct{}{}
			<-b.goOn
		}
		_, _ = io.WriteString(w, name)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			b.open.Add(1)
		case http.StateClosed:
			b.open.Add(-1)
		case http.StateActive, http.StateIdle, http.StateHijacked:
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	b.address = s.Listener.Addr().String()
	return b
}

// httpUpstream is an upstream of these servers; more is further keys.
func httpUpstream(name, more string, servers ...*backend) string {
	list := make([]string, len(servers))
	for i, s := range servers {
		list[i] = fmt.Sprintf("{address: %q}", s.address)
	}
	return fmt.Sprintf("{name: %s, protocol: http, servers: [%s], balance: round_robin%s}", name, strings.Join(list, ", "), more)
}

func upstreamsOf(list ...string) string { return "upstreams: [" + strings.Join(list, ", ") + "]\n" }

const noLock = "lock: {mode: none}\n"

// begin sends a request, and tells what came of it.
func (r *reloadable) begin(path string) <-chan string {
	answer := make(chan string, 1)
	go func() {
		status, body := get(r.T, r.App, path)
		answer <- fmt.Sprint(status, " ", body)
	}()
	return answer
}

// servedBy counts who answers some requests.
func (r *reloadable) servedBy(requests int) string {
	r.Helper()
	counts := map[string]int{}
	for range requests {
		_, body := get(r.T, r.App, "/")
		counts[body]++
	}
	return fmt.Sprint(counts)
}

func (r *reloadable) wantNoSeries(of string) {
	r.Helper()
	for line := range strings.SplitSeq(metricsOf(r.T, r.App), "\n") {
		if strings.Contains(line, of) {
			r.Errorf("there is still %s", line)
		}
	}
}

func TestServersAreAddedAndRemovedWhileRequestsRun(t *testing.T) {
	a, b, c := startBackend(t, "a"), startBackend(t, "b"), startBackend(t, "c")
	health := ", health: {path: /health, interval: 100ms, timeout: 10s}"
	r := startReloadable(t, noLock+upstreamsOf(httpUpstream("php", health, a, b)))
	if got := r.servedBy(8); got != "map[a:4 b:4]" {
		t.Fatal(got)
	}
	first, second := r.begin("/slow"), r.begin("/slow")
	<-a.here
	<-b.here
	log := r.read(noLock + upstreamsOf(httpUpstream("php", health, b, c)))
	if !strings.Contains(log, `"keys":["upstreams"]`) ||
		!strings.Contains(log, fmt.Sprintf(`"upstreams_new":[],"upstreams_gone":[],"upstreams_replaced":[],"servers_new":["php %s"],"servers_gone":["php %s"]`, c.address, a.address)) {
		t.Error(log)
	}
	if got := r.servedBy(8); got != "map[b:4 c:4]" {
		t.Error(got)
	}
	series := fmt.Sprintf(`{server=%q,upstream="php"}`, a.address)
	eventually(t, "only the slow one to be with it", func() bool {
		return strings.Contains(metricsOf(t, r.App), "\nsessiongate_server_in_flight"+series+" 1\n")
	})
	r.wantMetrics("sessiongate_config_restart_keys 0")
	r.wantNoSeries("sessiongate_server_healthy" + series)
	const gone = "server was taken out and has ended all requests"
	if strings.Contains(r.log.String(), gone) {
		t.Error("gone, with a request")
	}
	close(a.goOn)
	close(b.goOn)
	if one, other := <-first, <-second; one+other != "200 a200 b" && one+other != "200 b200 a" {
		t.Errorf("the two that ran before: %q, %q", one, other)
	}
	eventually(t, "the server to be gone", func() bool { return strings.Contains(r.log.String(), gone) })
	eventually(t, "its connections to be closed", func() bool { return a.open.Load() == 0 })
	r.wantNoSeries(a.address)
	checks, others := a.checks.Load(), b.checks.Load()
	eventually(t, "checks of the others", func() bool { return b.checks.Load() > others+3 })
	if a.checks.Load() != checks {
		t.Error("it is checked still")
	}
	if n := strings.Count(r.log.String(), gone); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// A server that comes back while a request runs there has no more of them at once
// than it may.
func TestAServerThatComesBackKeepsItsSlots(t *testing.T) {
	a, b := startBackend(t, "a"), startBackend(t, "b")
	both := strings.Replace(httpUpstream("php", "", a, b), "}", ", max_in_flight: 1}", 1)
	r := startReloadable(t, noLock+upstreamsOf(both))
	running := r.begin("/slow")
	select {
	case <-a.here:
	case <-b.here: // the next one is a's
		close(b.goOn)
		<-running
		running = r.begin("/slow")
		<-a.here
	}
	r.read(noLock + upstreamsOf(httpUpstream("php", "", b)))
	r.read(noLock + upstreamsOf(both))
	if got := r.servedBy(4); got != "map[b:4]" {
		t.Errorf("while its slot is taken: %s", got)
	}
	close(a.goOn)
	<-running
	var afterwards string
	for range 4 {
		// A client has its answer before the server's slot is given back.
		eventually(t, "all slots to be free", func() bool { return r.gate.InFlight() == 0 })
		_, body := get(t, r.App, "/")
		afterwards += body
	}
	if afterwards != "abab" && afterwards != "baba" {
		t.Errorf("afterwards: %s", afterwards)
	}
	if strings.Contains(r.log.String(), "was taken out and has ended") {
		t.Error("told as gone")
	}
}

func TestWhoWaitsForASlotGoesOnWithWhatAReloadBrings(t *testing.T) {
	a, b := startBackend(t, "a"), startBackend(t, "b")
	full := strings.Replace(httpUpstream("php", "", a), "}", ", max_in_flight: 1}", 1)
	for name, c := range map[string]struct{ next, want string }{
		"a server more":     {httpUpstream("php", "", a, b), "200 b"},
		"another server":    {httpUpstream("php", "", b), "200 b"},
		"more slots":        {strings.Replace(full, "max_in_flight: 1", "max_in_flight: 2", 1), "200 a"},
		"no bound on slots": {httpUpstream("php", "", a), "200 a"},
	} {
		t.Run(name, func(t *testing.T) {
			a.goOn = make(chan struct{})
			r := startReloadable(t, noLock+upstreamsOf(full))
			running := r.begin("/slow")
			<-a.here
			waiting := r.begin("/")
			queued := `sessiongate_queued{priority="normal",upstream="php"} `
			eventually(t, "the second to wait", func() bool { return strings.Contains(metricsOf(t, r.App), queued+"1\n") })
			r.read(noLock + upstreamsOf(c.next))
			if got := <-waiting; got != c.want {
				t.Errorf("who waited: %s, want %s", got, c.want)
			}
			close(a.goOn)
			if got := <-running; got != "200 a" {
				t.Errorf("who ran: %s", got)
			}
			r.wantMetrics(queued + "0")
		})
	}
}

// A request that waits for its turn goes to the upstream that it was decided for,
// under whatever name that has by now, or where it is replaced by another.
func TestWhoWaitsForATurnGoesToTheUpstreamOfBefore(t *testing.T) {
	for name, next := range map[string]func(*backend) string{
		"renamed":  func(b *backend) string { return httpUpstream("app", "", b) },
		"replaced": func(b *backend) string { return httpUpstream("php", ", index_script: /app.php", b) },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := startBackend(t, "a"), startBackend(t, "b")
			r := startReloadable(t, upstreamsOf(httpUpstream("php", "", a)))
			running := r.begin("/slow")
			<-a.here
			waiting := r.begin("/")
			eventually(t, "the second to wait", func() bool { return r.locks.Waiting() == 1 })
			r.read(upstreamsOf(httpUpstream("php", "", a)) + threeAnHour) // which keeps it
			r.read(upstreamsOf(next(b)))
			r.read(noLock + upstreamsOf(next(b))) // and once more
			if got := r.servedBy(2); got != "map[b:2]" {
				t.Errorf("who comes: %s", got)
			}
			close(a.goOn)
			if one, other := <-running, <-waiting; one != "200 a" || other != "200 a" {
				t.Errorf("who came before: %s, %s", one, other)
			}
			eventually(t, "the server to be gone", func() bool { return !strings.Contains(metricsOf(t, r.App), a.address) })
			eventually(t, "its connections to be closed", func() bool { return a.open.Load() == 0 })
			if _, retired := r.upstreams.all(); len(retired) != 0 {
				t.Error("the upstream is kept for nobody")
			}
			if name == "renamed" {
				r.wantNoSeries(`upstream="php"`)
			}
		})
	}
}

func TestReadinessFollowsTheServersOfAReload(t *testing.T) {
	a := startBackend(t, "a")
	r := startReloadable(t, "upstreams: [{name: php, protocol: http, servers: [{address: '127.0.0.1:1'}]}]\n")
	if reasons := r.ready.Reasons(t.Context()); len(reasons) != 1 {
		t.Fatalf("%q", reasons)
	}
	r.read(upstreamsOf(httpUpstream("php", "", a)))
	if reasons := r.ready.Reasons(t.Context()); len(reasons) != 0 {
		t.Errorf("not ready because of %q", reasons)
	}
}

// What can fail comes first: a reload that fails leaves all servers as they were,
// and nothing behind.
func TestAnUpstreamThatCannotBeMadeChangesNothing(t *testing.T) {
	u := newUpstreams("test", proxy.NewMetrics(prometheus.NewRegistry()), prometheus.NewRegistry(), zerolog.Nop())
	t.Cleanup(u.close)
	u.start()
	folder := filepath.Join(t.TempDir(), "pages")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	c := load(t, fmt.Sprintf(`
upstreams:
  - {name: live, protocol: http, servers: [{address: "127.0.0.1:1"}]}
  - {name: php, servers: [{address: "127.0.0.1:2"}], root: %s, local_root: %s, script: try, files: true}
`, folder, folder))
	p, err := u.plan(c)
	if err != nil {
		t.Fatal(err)
	}
	before := p.use()
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	again := *c
	again.Upstreams = append(again.Upstreams[:0:0], again.Upstreams...)
	again.Upstreams[0].Servers[0].MaxInFlight = 7
	if _, err := u.plan(&again); err == nil || !strings.Contains(err.Error(), "upstreams[1]: ") {
		t.Fatalf("error %v", err)
	}
	list, retired := u.all()
	if len(list) != 2 || len(retired) != 0 || list[0].pool != before[0].Servers || before[0].Servers.Status()[0].MaxInFlight != 0 {
		t.Errorf("%d upstreams, %d retired", len(list), len(retired))
	}
}
