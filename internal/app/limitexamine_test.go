package app

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/lockstore"
)

const sharedAlone = "limits: [{name: few, key: all, rate: 1/h, burst: 3, scope: shared}]\n" // lock.store: memory

func TestStartSaysWhyLimitsCannotBeShared(t *testing.T) {
	guarded := redistest.Start(t, redistest.Password("", "hunter2"))
	a, err := New(load(t, quiet+sharedAlone+redisAt(guarded.Address(), "")), "test", zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	err = a.Start(t.Context())
	if !errors.Is(err, lockstore.ErrServerAccess) {
		t.Fatalf("start: %v", err)
	}
	for _, word := range []string{guarded.Address() + " (redis.addresses[0])", "NOAUTH", "redis.password_file"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in %q", word, err)
		}
	}
}

func TestGateWithSharedLimitsStartsWithoutRedisAndSaysSo(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	a, log := startApp(t, upstreamOf(t, nothing)+sharedAlone+redisAt(server.Address(), ""))
	if text := log.String(); !strings.Contains(text, "Redis cannot be asked now") || !strings.Contains(text, "cannot be reached") {
		t.Errorf("log:\n%s", text)
	}
	if status, body := get(t, a, "/"); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
}
