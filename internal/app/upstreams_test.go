package app

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/freeport"
	"github.com/sessiongate/sessiongate/internal/gatetest"
	"github.com/sessiongate/sessiongate/proxy"
	"github.com/sessiongate/sessiongate/proxy/balance"
)

// listenAnywhere listens on a port that nobody else gets when it is closed.
func listenAnywhere(t *testing.T) net.Listener {
	t.Helper()
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.GiveBack)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", port.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestReadinessAsksForOneServerOfEachUpstream(t *testing.T) {
	a, b := listenAnywhere(t), listenAnywhere(t)
	upstreams := servedBy(gatetest.Patience, a.Addr().String(), b.Addr().String())
	ask := func() []string { return newReadiness(upstreams, nil).Reasons(t.Context()) }
	_ = a.Close()
	if reasons := ask(); len(reasons) != 0 {
		t.Errorf("with one of two servers: %q", reasons)
	}
	_ = b.Close()
	if reasons := ask(); len(reasons) != 2 || !strings.Contains(reasons[0], a.Addr().String()) || !strings.Contains(reasons[1], b.Addr().String()) {
		t.Errorf("with no server: %q", reasons)
	}
}

func TestReadinessBelievesHealthChecksMoreThanAConnection(t *testing.T) {
	l := listenAnywhere(t)
	upstreams := servedBy(gatetest.Patience, l.Addr().String())
	pool := upstreams[0].servers
	slot, _ := pool.Take(balance.Request{})
	slot.Refused(errors.New("not well"))
	slot.Leave()
	for checked, want := range map[bool]string{true: "upstream php: server " + l.Addr().String() + " is out: not well", false: ""} {
		upstreams[0].checked = checked
		if got := strings.Join(newReadiness(upstreams, nil).Reasons(t.Context()), "\n"); got != want {
			t.Errorf("checked %v: %q, want %q", checked, got, want)
		}
	}
}

// Who looks whether an upstream is ready looks at the servers that get requests.
func TestReadinessDoesNotAskServersThatAreLeaving(t *testing.T) {
	l := listenAnywhere(t)
	upstreams := servedBy(time.Second, l.Addr().String())
	pool := upstreams[0].servers
	slot, _ := pool.Take(balance.Request{})
	defer slot.Leave()
	pool.Set(balance.Options{}, balance.NewServer("127.0.0.1:1", nil))
	if got := newReadiness(upstreams, nil).Reasons(t.Context()); len(got) != 1 || !strings.Contains(got[0], "no connection to 127.0.0.1:1: ") {
		t.Errorf("not ready because of %q", got)
	}
}

func TestServersComeAndGoInMetricsAndLog(t *testing.T) {
	c := load(t, `
upstreams:
  - {name: app, protocol: http, servers: [{address: "127.0.0.1:1", max_in_flight: 5}, {address: "127.0.0.1:2", max_in_flight: 5}], queue: {max: 7}, health: {fall: 1, rise: 1}}
`)
	reg, log := prometheus.NewRegistry(), &strings.Builder{}
	u := newUpstreams("test", proxy.NewMetrics(prometheus.NewRegistry()), reg, zerolog.New(log))
	t.Cleanup(u.close)
	p, err := u.plan(c)
	if err != nil {
		t.Fatal(err)
	}
	slot, _ := p.use()[0].Servers.Take(balance.Request{})
	slot.Refused(errors.New("gone"))
	address := slot.Server().Address
	other := map[string]string{"127.0.0.1:1": "127.0.0.1:2", "127.0.0.1:2": "127.0.0.1:1"}[address]
	want := strings.NewReplacer("OUT", address, "IN", other).Replace(`
# HELP sessiongate_queued Requests that wait for a slot of a server now.
# TYPE sessiongate_queued gauge
sessiongate_queued{priority="high",upstream="app"} 0
sessiongate_queued{priority="low",upstream="app"} 0
sessiongate_queued{priority="normal",upstream="app"} 0
# HELP sessiongate_server_healthy 1 while the server is used, 0 while it is out.
# TYPE sessiongate_server_healthy gauge
sessiongate_server_healthy{server="OUT",upstream="app"} 0
sessiongate_server_healthy{server="IN",upstream="app"} 1
# HELP sessiongate_server_in_flight Requests that the server has not ended.
# TYPE sessiongate_server_in_flight gauge
sessiongate_server_in_flight{server="OUT",upstream="app"} 1
sessiongate_server_in_flight{server="IN",upstream="app"} 0
# HELP sessiongate_server_max_in_flight Slots of the server; 0: no limit.
# TYPE sessiongate_server_max_in_flight gauge
sessiongate_server_max_in_flight{server="OUT",upstream="app"} 5
sessiongate_server_max_in_flight{server="IN",upstream="app"} 5
# HELP sessiongate_server_out_total Times that a server went out.
# TYPE sessiongate_server_out_total counter
sessiongate_server_out_total{server="OUT",upstream="app"} 1
sessiongate_server_out_total{server="IN",upstream="app"} 0
`)
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	slot.Leave()
	if said := log.String(); strings.Count(said, "server is out") != 1 || !strings.Contains(said, address) || !strings.Contains(said, "gone") {
		t.Errorf("logged %q", said)
	}
}
