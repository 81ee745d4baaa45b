package lockstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/lockstore/lockstoretest"
)

// openRedis starts a gate's store on a Redis at addr. It is patient: a machine that
// stands still for a moment must not pass for a Redis that is away.
func openRedis(t testing.TB, addr string, o lockstore.RedisOptions) *lockstore.Redis {
	t.Helper()
	o.Addresses, o.Timeout = []string{addr}, 2*time.Second
	if o.Prefix == "" {
		o.Prefix = "test:"
	}
	s, err := lockstore.NewRedis(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
		defer cancel()
		if n := s.Sessions(); n != 0 {
			t.Errorf("%d idle sessions still take memory", n)
		}
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestRedisConforms(t *testing.T) {
	server := redistest.Start(t)
	stores := 0
	lockstoretest.Run(t, func(t testing.TB, l lockstore.Limits) lockstoretest.Store {
		stores++ // each starts empty
		return openRedis(t, server.Address(), lockstore.RedisOptions{Limits: l, Prefix: fmt.Sprintf("test%d:", stores)})
	})
}

func TestRedisConformsOnMiniredis(t *testing.T) {
	lockstoretest.Run(t, func(t testing.TB, l lockstore.Limits) lockstoretest.Store {
		return openRedis(t, miniredis.RunT(t).Addr(), lockstore.RedisOptions{Limits: l})
	})
}
