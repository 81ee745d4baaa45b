package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/gatetest"
	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/lockstore"
)

// startApp runs a gate until the test ends. Its upstream is the handler's
// server.
func startApp(t *testing.T, yaml string) (*App, *gatetest.Log) {
	t.Helper()
	log := &gatetest.Log{}
	a, err := New(load(t, quiet+yaml), "test", zerolog.New(log))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a, log
}

// upstreamOf is the configuration of an HTTP upstream; more is laid over it.
func upstreamOf(t *testing.T, h http.HandlerFunc, more ...string) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return "upstreams: [{name: php, protocol: http, servers: [{address: \"" + s.Listener.Addr().String() + "\"}]" + strings.Join(more, "") + "}]\n"
}

// get asks for a page of one session.
func get(t *testing.T, a *App, path string) (status int, body string) {
	t.Helper()
	return getOf(t, a, path, "0123456789abcdef0123456789")
}

func getOf(t *testing.T, a *App, path, session string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, "http://"+a.Address().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", "PHPSESSID="+session)
	r.Close = true
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// redisAt is the configuration of a Redis, with more settings.
func redisAt(address, more string) string { return redisAtAll([]string{address}, more) }

// redisAtAll is the same with several addresses. Unless the settings say otherwise
// a command may take longer than a busy machine keeps Redis, or the gate, waiting:
// what a gate does without Redis is for those tests that take it away.
func redisAtAll(addresses []string, more string) string {
	if !strings.Contains(more, ", timeout: ") {
		more += ", timeout: 2s"
	}
	return `redis: {addresses: ["` + strings.Join(addresses, `", "`) + `"]` + more + "}\n"
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	gatetest.Eventually(t, condition, func() string { return what })
}

func TestGatesOnOneRedisShareASession(t *testing.T) {
	server := redistest.Start(t)
	var mu sync.Mutex
	var running, most int
	arrived := make(chan struct{}, 100)
	yaml := "lock: {store: redis}\n" + redisAt(server.Address(), "") + upstreamOf(t, func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		arrived <- struct{}{}
		mu.Lock()
		running--
		mu.Unlock()
	})
	one, _ := startApp(t, yaml)
	two, _ := startApp(t, yaml)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if status, body := get(t, []*App{one, two}[i%2], "/"); status != http.StatusOK {
				t.Errorf("status %d: %s", status, body)
			}
		})
	}
	all.Wait()
	if len(arrived) != 20 || most != 1 {
		t.Errorf("%d requests, %d of them at once", len(arrived), most)
	}
}

func TestRedisIsReachedAsConfigured(t *testing.T) {
	t.Run("TLS and a user of the gate's own", func(t *testing.T) {
		server := redistest.Start(t, redistest.TLS(), redistest.Password("gate", "hunter2"))
		password := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(password, []byte("hunter2\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		more := ", username: gate, password_file: " + password + ", tls: {enabled: true, ca_file: " + server.CAFile() + "}"
		a, log := startApp(t, "lock: {store: redis}\n"+redisAt(server.Address(), more))
		if a.locks.away() {
			t.Errorf("it is away:\n%s", log)
		}
	})
	t.Run("unix socket", func(t *testing.T) {
		server := redistest.Start(t, redistest.Unix())
		a, log := startApp(t, "lock: {store: redis}\n"+redisAt(server.Address(), ""))
		if a.locks.away() {
			t.Errorf("it is away:\n%s", log)
		}
	})
	t.Run("wrong password", func(t *testing.T) {
		server := redistest.Start(t, redistest.Password("", "hunter2"))
		a, err := New(load(t, quiet+"lock: {store: redis}\n"+redisAt(server.Address(), "")), "test", zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Start(t.Context()); !errors.Is(err, lockstore.ErrServerAccess) {
			t.Errorf("start: %v", err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestGatesWithDifferentSecretsAreNotReadyTogether(t *testing.T) {
	server := redistest.Start(t)
	keyed := func(key string) string {
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(strings.Repeat(key, 32)), 0o600); err != nil {
			t.Fatal(err)
		}
		return "lock: {store: redis}\nsession: {key_file: " + file + "}\n" + redisAt(server.Address(), "") + upstreamOf(t, func(http.ResponseWriter, *http.Request) {})
	}
	one, _ := startApp(t, keyed("a"))
	twin, _ := startApp(t, keyed("a"))
	other, log := startApp(t, keyed("b"))
	for _, a := range []*App{one, twin} {
		if got := a.ready.Reasons(t.Context()); len(got) != 0 {
			t.Errorf("not ready: %q", got)
		}
	}
	if got := other.ready.Reasons(t.Context()); len(got) != 1 || !strings.HasPrefix(got[0], "redis: ") {
		t.Errorf("the gate with another secret says %q", got)
	}
	if !strings.Contains(log.String(), `"message":"not ready"`) {
		t.Errorf("it does not say so:\n%s", log)
	}
}

// A gate that starts without Redis serves as told, and shares as soon as it can.
func TestGateStartsWithoutRedisAndFindsIt(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	a, log := startApp(t, "lock: {store: redis}\n"+redisAt(server.Address(), "")+
		upstreamOf(t, func(http.ResponseWriter, *http.Request) {})+
		"rules: [{name: closed, match: {path: [/closed]}, on_store_failure: closed}]\n")
	if !a.locks.away() || strings.Count(log.String(), "Redis is away") != 1 {
		t.Errorf("away: %v, and it says\n%s", a.locks.away(), log)
	}
	if status, _ := get(t, a, "/"); status != http.StatusOK {
		t.Errorf("local: status %d", status)
	}
	if status, body := get(t, a, "/closed"); status != http.StatusServiceUnavailable || !strings.Contains(body, "reason: store_away") {
		t.Errorf("closed: status %d, %s", status, body)
	}
	server.Restart()
	eventually(t, "Redis is back", func() bool { return strings.Contains(log.String(), "Redis is back") })
	if status, body := get(t, a, "/closed"); status != http.StatusOK {
		t.Errorf("with Redis: status %d, %s", status, body)
	}
}

// What a gate's end cuts off stays locked for the others until max_hold; what
// has ended does not.
func TestWhatTheGatesEndCutsOffStaysLockedForTheOthers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	begun := make(chan struct{}, 1)
	gone := make(chan struct{})
	yaml := "lock: {store: redis, max_hold: 5s}\nrules: [{name: impatient, match: {path: [/impatient]}, wait_timeout: 100ms}]\n" + redisAt(server.Address(), "") + upstreamOf(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			begun <- struct{}{}
			<-gone
		}
	}, ", response_timeout: 5s")
	t.Cleanup(func() { close(gone) })
	two, _ := startApp(t, yaml)
	one, _ := startApp(t, yaml)
	if status, body := get(t, one, "/"); status != http.StatusOK {
		t.Fatalf("status %d: %s", status, body)
	}
	if status, body := get(t, two, "/"); status != http.StatusOK {
		t.Fatalf("what has ended is locked: status %d: %s", status, body)
	}
	cut := make(chan int, 1)
	go func() {
		status, _ := get(t, one, "/slow")
		cut <- status
	}()
	<-begun
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	if status := <-cut; status != http.StatusServiceUnavailable {
		t.Errorf("what was cut off got %d", status)
	}
	if status, body := get(t, two, "/impatient"); status != http.StatusTooManyRequests {
		t.Errorf("what was cut off is not locked: status %d: %s", status, body)
	}
	eventually(t, "max_hold has passed", func() bool {
		status, _ := get(t, two, "/impatient")
		return status == http.StatusOK
	})
}

// A lease that cannot be renewed is lost when its ttl is over: long before PHP
// ends, here.
func TestLostLeaseEndsTheRequestOrNot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy string
		status int
		body   string
	}{
		{"continue", http.StatusOK, "whole"},
		{"abort", http.StatusServiceUnavailable, "reason: lease_lost"},
	} {
		t.Run(c.policy, func(t *testing.T) {
			server := redistest.Start(t)
			begun, end := make(chan struct{}), make(chan struct{})
			var once sync.Once
			lift := func() { once.Do(func() { close(end) }) }
			a, log := startApp(t, "lock: {store: redis, ttl: 3s, on_lease_lost: "+c.policy+"}\n"+redisAt(server.Address(), ", timeout: 700ms")+
				upstreamOf(t, func(w http.ResponseWriter, _ *http.Request) {
					close(begun)
					<-end
					_, _ = io.WriteString(w, "whole")
				}))
			t.Cleanup(lift) // before the upstream is closed
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				if status, body := get(t, a, "/"); status != c.status || !strings.Contains(body, c.body) {
					t.Errorf("status %d: %s; want %d, %s", status, body, c.status, c.body)
				}
			}()
			<-begun
			server.Stop()
			t.Cleanup(server.Continue)
			eventually(t, "the lease is lost", func() bool { return strings.Contains(log.String(), "lease lost") })
			if c.policy == "continue" {
				lift()
			}
			<-answered
			eventually(t, "the access line", func() bool { return strings.Contains(log.String(), `"lease_lost":true`) })
		})
	}
}

// Nobody listens there.
const nowhere = "127.0.0.1:1"

func TestAppWithoutItsRedisEndsFromEveryState(t *testing.T) {
	endsFromEveryState(t, quiet+"lock: {store: redis}\n"+redisAt(nowhere, ""))
}
