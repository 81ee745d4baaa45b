package lockstore

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/gatetest"
	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/test/fault/faultproxy"
)

// TestRosterKeepsNobodyWaitingForAnothersAnswer: a server that takes connections
// and never answers keeps those waiting who ask it, and nobody else.
func TestRosterKeepsNobodyWaitingForAnothersAnswer(t *testing.T) {
	t.Parallel()
	silent := faultproxy.Start(t, redistest.Start(t).Address())
	silent.Freeze()
	o := RedisOptions{Mode: RedisCluster, Addresses: []string{silent.Address()}, Prefix: "roster:", Timeout: 2 * gatetest.Patience}
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	cluster := o.client(1, true).(*redis.ClusterClient)
	defer func() { _ = cluster.Close() }()
	known := redis.NewClient(&redis.Options{Addr: "known:6379"})
	defer func() { _ = known.Close() }()
	r := &roster{cluster: cluster, rest: []*redis.Client{known}}

	waiting := nextOf(t.Context(), r, known.Options().Addr)
	gatetest.Eventually(t, func() bool { return silent.Connections() > 0 }, func() string { return "the silent server is asked" })

	if got := givenIn(t, nextOf(t.Context(), r, "another:6379")); got.server != known {
		t.Errorf("given %v, %v, want the server that is known", got.server, got.err)
	}
	impatient, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got := givenIn(t, nextOf(impatient, r, "")); !errors.Is(got.err, errNobody) {
		t.Errorf("given %v, %v, want %v", got.server, got.err, errNobody)
	}

	silent.Thaw() // behind it is no cluster
	if got := givenIn(t, waiting); !errors.Is(got.err, errNobody) {
		t.Errorf("given %v, %v, want %v", got.server, got.err, errNobody)
	}
}

// given is what a roster has given out.
type given struct {
	server *redis.Client
	err    error
}

func nextOf(ctx context.Context, r *roster, not string) <-chan given {
	next := make(chan given, 1)
	go func() {
		server, err := r.next(ctx, not)
		next <- given{server, err}
	}()
	return next
}

func givenIn(t *testing.T, next <-chan given) given {
	t.Helper()
	select {
	case got := <-next:
		return got
	case <-time.After(gatetest.Patience):
		t.Fatal("who asks the roster waits for another's answer")
		return given{}
	}
}
