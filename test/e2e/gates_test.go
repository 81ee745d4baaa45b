package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
	"github.com/sessiongate/sessiongate/internal/redistest"
)

// startSharedPHP runs a php-fpm whose sessions phpredis keeps in Redis, with
// its own locking off: what several gates stand in front of.
func startSharedPHP(t *testing.T, workers int, sessions *redistest.Server) *fpm.Pool {
	t.Helper()
	return fpmtest.Start(t, fpm.Options{Workers: workers, Ini: map[string]string{
		"session.save_handler":          "redis",
		"session.save_path":             "tcp://" + sessions.Address() + "?database=1",
		"redis.session.locking_enabled": "0",
	}})
}

// sharing is the configuration of a gate that shares sessions through a Redis.
// It is nearly as patient as the shortest lease allows: a machine that stands still
// for a moment must not pass for a Redis that is away.
func sharing(server *redistest.Server) string {
	return fmt.Sprintf("{lock: {store: redis}, redis: {addresses: [%q], timeout: 700ms}}", server.Address())
}

// startGates runs three gates of one configuration, which share the sessions
// of one php-fpm through one Redis.
func startGates(t *testing.T, workers int, parts ...string) []*gate {
	t.Helper()
	server := redistest.Start(t)
	shared := append([]string{inFrontOf(startSharedPHP(t, workers, server)), sharing(server)}, parts...)
	gates := make([]*gate, 3)
	for i := range gates {
		gates[i] = startGate(t, shared...)
	}
	awaitDegraded(t, gates, 0)
	return gates
}

// sum adds a series up over gates.
func sum(t *testing.T, gates []*gate, series string) float64 {
	t.Helper()
	var all float64
	for _, g := range gates {
		all += g.metric(t, series)
	}
	return all
}

// settle lets what a gate has told Redis before be there: another session's
// turn goes to Redis and back.
func (g *gate) settle(t *testing.T) {
	t.Helper()
	g.get(t, "/trivial.php", rand.Text()).want(t, 200)
}

// queueShared is queue, and returns when Redis knows of the request too.
func (g *gate) queueShared(t *testing.T, path, session string, nth int) <-chan answer {
	t.Helper()
	done := g.queue(t, path, session, nth)
	g.settle(t)
	return done
}

// awaitDegraded waits until the gates know that Redis is away, or back.
func awaitDegraded(t *testing.T, gates []*gate, want float64) {
	t.Helper()
	for _, g := range gates {
		g.awaitMetric(t, "degraded", want)
	}
}

// giveAway gives the lease of the only session in a Redis to a gate that there
// is not, as the protocol would after a pause of the holder.
func giveAway(t *testing.T, server *redistest.Server) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	client := server.Client(t)
	keys, err := client.Keys(ctx, "sg:{*}").Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("the leases in Redis: %q, %v; want one", keys, err)
	}
	now, err := client.Time(ctx).Result()
	if err != nil {
		t.Fatal(err)
	}
	token := now.UnixMicro()
	lease := fmt.Sprintf("%d nobody 1 %d %d %d", token, token, token, 60_000_000)
	if err := client.Set(ctx, keys[0], lease, 0).Err(); err != nil {
		t.Fatal(err)
	}
}

// storeErrors is how many calls to Redis have failed.
func (g *gate) storeErrors(t *testing.T) (n float64) {
	t.Helper()
	for _, kind := range strings.Fields("timeout connection server reply") {
		n += g.metric(t, fmt.Sprintf("store_errors_total{kind=%q}", kind))
	}
	return n
}
