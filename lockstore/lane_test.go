package lockstore

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// A server that left keeps no worker: what is sent to it later gets new ones.
func TestLaneForgetsServersThatNothingIsSentTo(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	l := newLane(client, 2, time.Second, nil)
	defer func() {
		if err := l.close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	send := func(server string) {
		t.Helper()
		done := make(chan error, 1)
		l.send(server, job{script: newScript("return 'x'"), key: "k", sent: time.Now(), done: func(_ *redis.Cmd, err error) error {
			done <- err
			return err
		}})
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for rests := false; !rests; runtime.Gosched() {
			l.mu.Lock()
			rests = l.active == 0
			l.mu.Unlock()
		}
	}
	send("stays")
	send("left")
	l.sweep()
	if len(l.servers) != 2 {
		t.Errorf("%d servers, and both were used", len(l.servers))
	}
	left := l.servers["left"]
	send("stays")
	l.sweep()
	if len(l.servers) != 1 || l.servers["stays"] == nil {
		t.Errorf("%d servers, and one is used", len(l.servers))
	}
	select {
	case <-left.gone:
	default:
		t.Error("its workers stay")
	}
	send("left")
	l.sweep()
	l.sweep()
	if len(l.servers) != 0 {
		t.Errorf("%d servers, and none is used", len(l.servers))
	}
	send("stays")
}
