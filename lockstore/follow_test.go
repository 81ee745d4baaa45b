package lockstore

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/gatetest"
	"github.com/sessiongate/sessiongate/internal/redisserver"
	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/test/fault/faultproxy"
)

// TestFollowerGoesByTheFirstWord: the clients listen to the Sentinel that leads
// the fail-over and announces it last. One does not answer, one announces the new
// master at once: that is enough, without any being asked again.
func TestFollowerGoesByTheFirstWord(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinel(t)
	old := s.Master(t)
	s.HoldBack(t)
	o := RedisOptions{Addresses: []string{s.Leader()}, MasterName: redisserver.MasterName, Prefix: "follow:"}
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	w := newWire(o, defaultTiming(o.TTL, o.Timeout), false)
	defer func() { _ = w.close(context.WithoutCancel(t.Context())) }()
	clients := []redis.UniversalClient{w.side, w.acquiring.client, w.releasing.client}
	for _, c := range clients {
		if port := portOf(t, c); !strings.HasSuffix(old.Address(), ":"+port) {
			t.Fatalf("a client is at port %s, the master at %s", port, old.Address())
		}
	}

	f := newFollower(w)
	f.every = 2 * gatetest.Patience
	patient := o
	patient.Timeout = 2 * gatetest.Patience
	silent := faultproxy.Start(t, s.Addresses()[1])
	silent.Freeze()
	f.sentinels = append(f.sentinels, patient.sentinel(silent.Address()), o.sentinel(s.Addresses()[2]))
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.run(ctx)
	}()
	defer func() {
		silent.Thaw() // a read is not given up before its time
		end()
		<-ended
	}()
	awaitListener(t, s.Addresses()[2])

	heir := s.FailOver(t)
	gatetest.Eventually(t, func() bool {
		for _, c := range clients {
			if !strings.HasSuffix(heir.Address(), ":"+portOf(t, c)) {
				return false
			}
		}
		return true
	}, func() string { return "all clients are at the new master" })
	if role, err := old.Client(t).Do(t.Context(), "ROLE").Slice(); err != nil || role[0] != "master" {
		t.Errorf("they stayed until the old one was no master any more: %v, %v", role, err)
	}
}

// portOf asks over a connection that a client has, where it has one.
func portOf(t *testing.T, c redis.UniversalClient) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	about, err := c.Info(ctx, "server").Result()
	if err != nil {
		return ""
	}
	return infoField(about, "tcp_port")
}

// awaitListener waits until somebody hears what a Sentinel announces.
func awaitListener(t *testing.T, sentinel string) {
	t.Helper()
	c := redis.NewSentinelClient(&redis.Options{Addr: sentinel})
	defer func() { _ = c.Close() }()
	gatetest.Eventually(t, func() bool {
		list := redis.NewStringCmd(t.Context(), "client", "list")
		return c.Process(t.Context(), list) == nil && strings.Contains(list.Val(), "cmd=subscribe")
	}, func() string { return "somebody listens to the Sentinel" })
}
