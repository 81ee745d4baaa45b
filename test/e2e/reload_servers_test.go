package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
	"github.com/sessiongate/sessiongate/internal/gatetest"
)

// fleets are the servers of two upstreams, of which a gate goes by some.
type fleets struct {
	*testing.T
	random *rand.Rand
	pages  string
	php    []*fpm.Pool
	live   []string
	came   sync.Map // of *atomic.Int64, by the id of a request over HTTP
}

func startFleets(t *testing.T, each int) *fleets {
	t.Helper()
	f := &fleets{T: t, random: rand.New(rand.NewPCG(20, 1)), pages: fpmtest.Pages(t)}
	for range each {
		f.php = append(f.php, fpmtest.StartUnlocked(t, fpm.Options{Root: f.pages, Workers: 3}))
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			n, _ := f.came.LoadOrStore(r.URL.Query().Get("id"), new(atomic.Int64))
			n.(*atomic.Int64).Add(1)
		}))
		t.Cleanup(s.Close)
		f.live = append(f.live, s.Listener.Addr().String())
	}
	return f
}

// some are the configuration of upstreams with some of the servers, but for one
// pool of PHP-FPM where without says so.
func (f *fleets) some(without int) []string {
	var php, live []string
	for _, at := range f.random.Perm(len(f.php)) {
		if at != without && (len(php) == 0 || f.random.IntN(2) == 0) {
			php = append(php, fmt.Sprintf("{address: %q, max_in_flight: %d}", f.php[at].Address(), 1+f.random.IntN(3)))
		}
		if len(live) == 0 || f.random.IntN(2) == 0 {
			live = append(live, fmt.Sprintf("{address: %q}", f.live[at]))
		}
	}
	balance := []string{"least_in_flight", "round_robin", "session"}[f.random.IntN(3)]
	return []string{
		fmt.Sprintf("upstream: {root: %q, local_root: %q, script: path, servers: [%s], balance: %s, health: {interval: 100ms}}", f.pages, f.pages, strings.Join(php, ", "), balance),
		fmt.Sprintf("upstreams: [{name: live, protocol: http, servers: [%s], balance: %s, max_in_flight_per_client: %d, health: {path: /, interval: 100ms, timeout: 10s}}]", strings.Join(live, ", "), balance, f.random.IntN(3)),
		"rules: [{name: live, match: {path: [/live]}, upstream: live}]",
		"lock: {wait_timeout: 60s}\nlog: {access: false}",
	}
}

// clients send requests until they are told to stop, and write down those that were
// not answered as they should be.
func (f *fleets) clients(ctx context.Context, g *gate, j journal, sent *sync.Map) *sync.WaitGroup {
	all := new(sync.WaitGroup)
	for client := range 6 {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				id := fmt.Sprintf("%d-%d", client, n)
				path := j.page("slow", id, "ms=3")
				if client%2 == 1 {
					path = "/live?id=" + id
				}
				sent.Store(id, client%2 == 1)
				method := []string{"GET", "POST"}[n%2]
				if a := g.do(request(f.T, method, path, fmt.Sprint("s", client/2, n%5), strings.NewReader("body"))); a.status != http.StatusOK {
					f.Errorf("%s %s: status %d, %s", method, path, a.status, a.body)
					return
				}
			}
		})
	}
	return all
}

// wantOnce expects that each request came to a server once.
func (f *fleets) wantOnce(j journal, sent *sync.Map) (n int) {
	begun := map[string]int{}
	for _, id := range j.begun(f.T) {
		begun[id]++
	}
	sent.Range(func(id, live any) bool {
		n++
		came := begun[id.(string)]
		if count, ok := f.came.Load(id); ok && live.(bool) {
			came = int(count.(*atomic.Int64).Load())
		}
		if came != 1 {
			f.Errorf("%s came %d times", id, came)
		}
		return true
	})
	return n
}

// Fifty times servers of two upstreams are added and removed under load, and one
// that is told to be done with is really stopped: nothing fails, nothing is sent
// twice, and nothing is left behind.
func TestServersAreAddedAndRemovedUnderLoad(t *testing.T) {
	const reloads = 50
	f := startFleets(t, 3)
	r := serveReloading(t, f.some(-1)...)
	r.parts = nil
	j, sent := newJournal(t), new(sync.Map)
	ctx, stop := context.WithCancel(t.Context())
	clients := f.clients(ctx, r.gate, j, sent)
	for i := range reloads {
		without := -1
		if i%10 == 5 {
			without = i / 10 % len(f.php)
		}
		r.reload(t, "taken", f.some(without)...)
		if without >= 0 {
			pool := f.php[without]
			r.gate.awaitNoSeries(t, pool.Address())
			pool.Kill()
			if err := pool.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	stop()
	clients.Wait()
	if n := f.wantOnce(j, sent); n < 2*reloads {
		t.Errorf("%d requests were sent", n)
	} else {
		t.Logf("%d requests", n)
	}
	r.gate.awaitMetric(t, "in_flight", 0)
	r.reload(t, "taken", fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", f.live[0]))
	for _, pool := range f.php {
		r.gate.awaitNoSeries(t, pool.Address())
	}
	for _, kind := range []string{"connect", "early_eof", "other"} {
		if n := r.gate.metric(t, fmt.Sprintf("upstream_errors_total{kind=%q,upstream=\"php\"}", kind)); n != 0 {
			t.Errorf("%v failures of kind %s", n, kind)
		}
	}
	r.signal(t, syscall.SIGTERM)
	r.wantExit(t, "exit status 0")
}

// awaitNoSeries waits until no metric has a server.
func (g *gate) awaitNoSeries(t *testing.T, address string) {
	t.Helper()
	var metrics string
	eventually(t, func() bool {
		metrics = gatetest.Metrics(t, g.admin)
		return !strings.Contains(metrics, fmt.Sprintf("server=%q", address))
	}, func() string { return fmt.Sprintf("there are still series of %s:\n%s", address, metrics) })
}
