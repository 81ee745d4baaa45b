package app

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/gatetest"
	"github.com/sessiongate/sessiongate/internal/redistest"
)

func nothing(http.ResponseWriter, *http.Request) {}

// passes is how many of some requests for a page come through.
func passes(t *testing.T, a *App, path string, requests int) (n int) {
	t.Helper()
	for range requests {
		switch status, body := get(t, a, path); {
		case status == http.StatusOK:
			n++
		case status != http.StatusTooManyRequests:
			t.Fatalf("%d %s", status, body)
		}
	}
	return n
}

const threeAnHour = "limits: [{name: few, key: client, rate: 1/h, burst: 3}]\n"

func TestLimitsOfTheConfigurationHold(t *testing.T) {
	a, _ := startApp(t, upstreamOf(t, nothing)+threeAnHour+`
rules:
  - {name: search, match: {path: ["/search"]}, limits: [{key: all, rate: 1/h, burst: 2}, {name: off, rate: 0}]}
  - {name: own, match: {path: ["/own"]}, limits: [{key: rule, rate: 1/h, burst: 4}], skip_limits: true}
  - {name: free, match: {path: ["/free"]}, skip_limits: true}
concurrency: [{name: none, max: 0}]
`)
	for _, c := range []struct {
		path string
		want int
	}{{"/own", 4}, {"/search", 2}, {"/", 1}, {"/free", 9}} {
		if got := passes(t, a, c.path, 9); got != c.want {
			t.Errorf("%s: %d of 9 passed, want %d", c.path, got, c.want)
		}
	}
	metrics := metricsOf(t, a)
	for _, want := range []string{
		`sessiongate_limit_refused_total{enforced="true",limit="search/1"} 7`,
		`sessiongate_limit_refused_total{enforced="true",limit="own/1"} 5`,
		`sessiongate_limit_refused_total{enforced="false",limit="few"} 0`,
		`sessiongate_limit_keys{limit="few"} 1`,
		`sessiongate_refused_total{reason="rate_limited"} 20`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
}

func metricsOf(t *testing.T, a *App) string {
	t.Helper()
	return gatetest.Metrics(t, a.AdminAddress().String())
}

// bodyOf sends a request, whatever comes of it.
func bodyOf(t *testing.T, r *http.Request) string {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLimitsAreSharedOverGatesAndCountedByEachWithoutRedis(t *testing.T) {
	server := redistest.Start(t)
	yaml := upstreamOf(t, nothing) + redisAt(server.Address(), "") +
		"limits: [{name: few, key: all, rate: 1/h, burst: 6, scope: shared}]\n"
	one, log := startApp(t, yaml)
	two, _ := startApp(t, yaml)
	if got := passes(t, one, "/", 4) + passes(t, two, "/", 9); got != 6 {
		t.Errorf("%d passed two gates, want 6", got)
	}
	if strings.Contains(metricsOf(t, one), "\nsessiongate_degraded 1\n") {
		t.Error("degraded with Redis")
	}
	server.Kill()
	eventually(t, "Redis to be away", func() bool {
		get(t, one, "/")
		return strings.Contains(metricsOf(t, one), "\nsessiongate_degraded 1\n")
	})
	if !strings.Contains(log.String(), "Redis is away, each gate counts shared limits by itself") {
		t.Errorf("log:\n%s", log)
	}
	server.Restart()
	eventually(t, "Redis to be back", func() bool {
		return strings.Contains(metricsOf(t, one), "\nsessiongate_degraded 0\n") && strings.Contains(log.String(), "Redis is back, limits are shared again")
	})
	three, _ := startApp(t, yaml) // the second still knows that it was refused
	if got := passes(t, one, "/", 4) + passes(t, three, "/", 9); got != 6 {
		t.Errorf("%d passed two gates on an empty Redis, want 6", got)
	}
}

// With redis.mode: auto the gate finds out by itself that an address is a
// cluster's.
func TestLimitsAreSharedInACluster(t *testing.T) {
	cluster := redistest.StartCluster(t, 0)
	yaml := upstreamOf(t, nothing) + "limits: [{name: few, key: session, rate: 1/h, burst: 6, scope: shared}]\n"
	one, _ := startApp(t, yaml+redisAt(cluster.Addresses()[0], ""))
	two, _ := startApp(t, yaml+redisAt(cluster.Addresses()[1], ", mode: cluster"))
	if got := passes(t, one, "/", 4) + passes(t, two, "/", 9); got != 6 {
		t.Errorf("%d passed two gates, want 6", got)
	}
	for _, a := range []*App{one, two} {
		if text := metricsOf(t, a); !strings.Contains(text, `sessiongate_limit_stand_in_total{limit="few"} 0`) {
			t.Errorf("counted by one gate alone:\n%s", text)
		}
	}
}

// A gate may start before its Redis, whatever that will be.
func TestAClusterIsFoundWhenItComes(t *testing.T) {
	cluster := redistest.StartCluster(t, 0)
	node := cluster.Node(0)
	node.Kill()
	yaml := upstreamOf(t, nothing) + "limits: [{name: few, key: session, rate: 1/h, burst: 6, scope: shared}]\n"
	a, log := startApp(t, yaml+redisAt(node.Address(), ""))
	if got := passes(t, a, "/", 9); got != 6 {
		t.Errorf("%d passed without Redis, want 6", got)
	}
	node.Restart()
	eventually(t, "the limit to be counted in the cluster", func() bool {
		// That it has been spent here is not known there.
		status, _ := get(t, a, "/")
		return status == http.StatusOK
	})
	if got := passes(t, a, "/", 9); got != 5 {
		t.Errorf("%d more passed, want 5", got)
	}
	eventually(t, "the Redis before to be closed", func() bool {
		a.limits.mu.Lock()
		defer a.limits.mu.Unlock()
		return len(a.limits.redis) == 1
	})
	eventually(t, "the log to say that limits are shared", func() bool {
		return strings.Contains(log.String(), "Redis is back, limits are shared again")
	})
}

func TestOperationsPageNamesTheMetricsOfLimits(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	l := newLimits(newLimitEvents(registry, zerolog.Nop()))
	registry.MustRegister(newLimitStats(l))
	if _, err := l.next(load(t, threeAnHour)); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 5 {
		t.Fatalf("%v, %d metrics", err, len(families))
	}
	for _, f := range families {
		if !strings.Contains(string(page), "`"+f.GetName()+"`") {
			t.Errorf("docs/operations.md does not name the metric %s", f.GetName())
		}
	}
}
