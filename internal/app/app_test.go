package app

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/internal/gatetest"
	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/proxy/balance"
)

func TestMain(m *testing.M) {
	// A pool of the Redis client that could not connect looks once a second
	// whether it has been closed.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// load makes a configuration from YAML.
func load(t *testing.T, yaml string) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gate.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Source{Path: path, Check: Check})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCookieIsTheOneOfTheRequestsApplication(t *testing.T) {
	set, err := compileRules(load(t, `
upstreams:
  - {name: shop, servers: [{address: "127.0.0.1:9000"}], root: /shop, session: {cookie: SHOP}}
  - {name: blog, servers: [{address: "127.0.0.1:9001"}], root: /blog, session: {cookie: BLOG, header: X-Blog}}
rules:
  - {name: blog, match: {path: ["/blog/**"]}, upstream: blog}
  - {name: wiki, match: {path: ["/wiki/**"]}, upstream: blog, session: {cookie: WIKI}}
  - {name: feed, match: {path: ["/feed/**"]}, lock: none}
`))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]rules.Policy{
		"/cart":   {Rule: "", Upstream: "shop", Cookie: "SHOP"},
		"/blog/a": {Rule: "blog", Upstream: "blog", Cookie: "BLOG", Header: "X-Blog"},
		"/wiki/a": {Rule: "wiki", Upstream: "blog", Cookie: "WIKI", Header: "X-Blog"},
		"/feed/a": {Rule: "feed", Upstream: "shop", Cookie: "SHOP", Lock: rules.None},
	} {
		got := set.Decide(&rules.Request{Path: path, Method: http.MethodGet})
		if got.Rule != want.Rule || got.Upstream != want.Upstream || got.Cookie != want.Cookie || got.Header != want.Header || got.Lock != want.Lock {
			t.Errorf("%s: %+v, want %+v", path, *got, want)
		}
	}
}

func TestRuleSaysOnlyWhatIsItsOwn(t *testing.T) {
	set, err := compileRules(load(t, `
lock: {max_waiting: 7, wait_timeout: 3s, on_wait_timeout: forward, on_client_gone: run, on_id_change: redirect, max_hold: 100s, release_delay: 1s, busy: reject, on_store_failure: closed}
rules:
  - {name: nothing, match: {path: ["/a"]}}
  - {name: all, match: {path: ["/b"]}, max_waiting: 1, wait_timeout: 2s, on_wait_timeout: reject, on_client_gone: drop, on_id_change: forward, max_hold: 200s, release_delay: 0s, release_on: headers,
     busy: queue, max_body_size: 1KiB, lock_group: g, lock: barrier, on_store_failure: open, priority: low}
`))
	if err != nil {
		t.Fatal(err)
	}
	base := rules.Policy{
		Rule: "nothing", Number: 1, RejectBusy: true, Status: 403, Upstream: "php", Cookie: "PHPSESSID", MaxWaiting: 7, WaitTimeout: 3 * time.Second,
		ForwardOnTimeout: true, Unattended: true, RedirectOutdated: true, MaxHold: 100 * time.Second, MaxBodySize: 64 << 20, ReleaseDelay: time.Second, OnStoreFailure: rules.Closed,
	}
	if got := *set.Decide(&rules.Request{Path: "/a"}); !reflect.DeepEqual(got, base) {
		t.Errorf("a rule that says nothing: %+v", got)
	}
	all := rules.Policy{
		Rule: "all", Number: 2, Status: 403, Upstream: "php", Cookie: "PHPSESSID", MaxWaiting: 1, WaitTimeout: 2 * time.Second, MaxHold: 200 * time.Second,
		MaxBodySize: 1 << 10, ReleaseOnHeaders: true, LockGroup: "g", Lock: rules.Barrier, OnStoreFailure: rules.Open, Priority: rules.Low,
	}
	if got := *set.Decide(&rules.Request{Path: "/b"}); !reflect.DeepEqual(got, all) {
		t.Errorf("a rule that says everything: %+v", got)
	}
}

func TestTakenAddressIsNamedWithItsKey(t *testing.T) {
	l, err := listen(t.Context(), "server.listen", "127.0.0.1:0", true)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, err = listen(t.Context(), "server.listen", l.Addr().String(), true)
	if err == nil || !strings.HasPrefix(err.Error(), "server.listen: "+l.Addr().String()+" is taken") {
		t.Fatalf("listen: %v", err)
	}
}

func TestSocketThatNobodyListensOnIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	_ = dead.Close()
	l, err := listen(t.Context(), "server.listen", "unix:"+path, true)
	if err != nil {
		t.Fatalf("a stale socket is in the way: %v", err)
	}
	if _, err := listen(t.Context(), "server.listen", "unix:"+path, true); err == nil || !strings.Contains(err.Error(), "taken") {
		t.Fatalf("a socket in use is replaced: %v", err)
	}
	_ = l.Close()
	if err := os.WriteFile(path, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(t.Context(), "server.listen", "unix:"+path, true); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Fatalf("a file in the way: %v", err)
	}
}

// servedBy is an upstream of servers at these addresses.
func servedBy(timeout time.Duration, addresses ...string) []readyUpstream {
	var servers []*balance.Server
	for _, a := range addresses {
		servers = append(servers, balance.NewServer(a, nil))
	}
	return []readyUpstream{{name: "php", servers: balance.New(balance.Options{}, servers...), timeout: timeout}}
}

func TestReadinessFollowsTheUpstream(t *testing.T) {
	l := listenAnywhere(t)
	r := newReadiness(servedBy(gatetest.Patience, l.Addr().String()), nil)
	if reasons := r.Reasons(t.Context()); len(reasons) != 0 {
		t.Fatalf("ready upstream: %q", reasons)
	}
	_ = l.Close()
	r.asked = time.Time{} // a second has passed
	if reasons := r.Reasons(t.Context()); len(reasons) != 1 || !strings.HasPrefix(reasons[0], "upstream php: no connection to ") {
		t.Fatalf("upstream that is down: %q", reasons)
	}
	r.drain()
	if reasons := r.Reasons(t.Context()); len(reasons) != 1 || !strings.HasPrefix(reasons[0], "draining") {
		t.Fatalf("while draining: %q", reasons)
	}
}

// A mount that hangs has one goroutine wait, which is there already.
func TestReadinessDoesNotHangWithAMount(t *testing.T) {
	upstreams := servedBy(time.Millisecond, listenAnywhere(t).Addr().String())
	upstreams[0].timeout, upstreams[0].root = 50*time.Millisecond, newReadyRoot(t.TempDir())
	upstreams[0].root.looking <- struct{}{}
	r := newReadiness(upstreams, nil)
	if got := r.Reasons(t.Context()); len(got) != 1 || !strings.Contains(got[0], "upstream php: local_root: the file system of ") {
		t.Errorf("while it hangs: %q", got)
	}
	<-upstreams[0].root.looking
	upstreams[0].timeout = gatetest.Patience
	r.use(upstreams)
	if got := r.Reasons(t.Context()); len(got) != 0 {
		t.Errorf("when it is back: %q", got)
	}
}

// An app that is closed before it has started, or drained, leaves nothing.
func TestAppEndsFromEveryState(t *testing.T) {
	endsFromEveryState(t, quiet)
}

func endsFromEveryState(t *testing.T, yaml string) {
	t.Helper()
	for _, state := range []string{"made", "started", "drained"} {
		a, err := New(load(t, yaml), "test", zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		if state != "made" {
			if err := a.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if state == "drained" {
			if err := a.Drain(context.Background()); err != nil {
				t.Fatalf("drain: %v", err)
			}
		}
		if err := a.Close(); err != nil {
			t.Fatalf("close an app that was %s: %v", state, err)
		}
	}
}
