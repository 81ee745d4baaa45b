package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sessiongate/sessiongate/limiter"
)

// crowd sends requests of some sessions until it is told to stop, two at a time of
// each, and counts what becomes of them.
type crowd struct {
	*testing.T
	client   http.Client
	statuses sync.Map // of *atomic.Int64, by path and status
	all      sync.WaitGroup
}

func (c *crowd) send(ctx context.Context, a *App, path, session string) {
	for ctx.Err() == nil {
		r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, "http://"+a.Address().String()+path, nil)
		if err != nil {
			c.Error(err)
			return
		}
		r.Header.Set("Cookie", "PHPSESSID="+session)
		resp, err := c.client.Do(r)
		if err != nil {
			c.Error(err)
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		n, _ := c.statuses.LoadOrStore(fmt.Sprint(path, " ", resp.StatusCode), new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
	}
}

func (c *crowd) count(what string) int64 {
	n, ok := c.statuses.Load(what)
	if !ok {
		return 0
	}
	return n.(*atomic.Int64).Load()
}

// alone is an upstream that complains where two requests of a session are with it
// at once.
func alone(t *testing.T) http.HandlerFunc {
	var running sync.Map // by session
	return func(_ http.ResponseWriter, r *http.Request) {
		session := r.Header.Get("Cookie")
		if _, busy := running.LoadOrStore(session, true); busy {
			t.Errorf("two requests of %s at once", session)
		}
		running.Delete(session)
	}
}

// Whatever is reloaded while requests run: nobody is refused who should not be, a
// debt stays one, sessions stay in order, and all that was taken is given back.
func TestReloadsWhileRequestsRun(t *testing.T) {
	const sessions, reloads = 3, 60
	head := upstreamOf(t, alone(t)) + "log: {access: false, level: error}\n"
	few := "{name: few, key: session, rate: 1/h, burst: 3}"
	rule := "{name: once, match: {path: [/few]}, limits: [" + few + "]}"
	configurations := []string{
		"rules: [" + rule + "]\nconcurrency: [{name: all, key: all, max: 20}]\n",
		"rules: [{name: more, match: {path: [/more]}, limits: [" + few + "]}, " + rule + "]\nconcurrency: [{name: all, key: all, max: 19}, {name: by, key: session, max: 9}]\n",
		"rules: [" + rule + "]\nlimits: [{name: wide, key: client, rate: 1000000/s, burst: 1000000}]\nlimit_keys: 1000\nlock: {max_waiting_total: 900}\n",
		"rules: [" + rule + "]\nconcurrency: [{name: all, key: all, max: 20, enforce: false}]\n",
	}
	r := startReloadable(t, head+configurations[0])
	r.head = strings.Replace(quiet, "server: {", "server: {max_upgraded: 9, ", 1)
	c := &crowd{T: t, client: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 3 * sessions}}}
	defer c.client.CloseIdleConnections()
	ctx, stop := context.WithCancel(t.Context())
	for i := range sessions {
		session := fmt.Sprintf("%026d", i)
		for range 2 {
			c.all.Go(func() { c.send(ctx, r.App, "/", session) })
		}
		c.all.Go(func() { c.send(ctx, r.App, "/few", session) })
	}
	for i := range reloads {
		r.read(head + configurations[i%len(configurations)])
		if i%10 == 0 {
			r.read("lock: {mode: none, max_hold: soon}\n") // refused, and nothing of it is taken over
		}
	}
	eventually(t, "requests between reloads", func() bool { return c.count("/ 200") > 2*reloads })
	stop()
	c.all.Wait()

	c.statuses.Range(func(what, n any) bool {
		if what != "/ 200" && what != "/few 429" && what != "/few 200" {
			t.Errorf("%d times %s", n.(*atomic.Int64).Load(), what)
		}
		return true
	})
	if got := c.count("/few 200"); got != 3*sessions {
		t.Errorf("%d requests passed a limit of %d", got, 3*sessions)
	}
	r.wantMetrics(fmt.Sprintf(`sessiongate_config_reloads_total{result="taken"} %d`, reloads), fmt.Sprintf(`sessiongate_config_reloads_total{result="refused"} %d`, reloads/10))
	eventually(t, "all to have left", func() bool { return r.gate.InFlight() == 0 })
	if all := r.limits.set.Cap("all"); all == nil || all.InFlight(limiter.All) != 0 {
		t.Errorf("left behind in the cap: %v", all)
	}
}
