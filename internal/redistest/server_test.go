package redistest_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/redistest"
)

func TestServerTakesCommandsHoweverItIsReached(t *testing.T) {
	for name, options := range map[string][]redistest.Option{
		"tcp":      nil,
		"unix":     {redistest.Unix()},
		"tls":      {redistest.TLS()},
		"user":     {redistest.Password("gate", "a#b c")},
		"password": {redistest.Password("", "secret")},
		"all":      {redistest.TLS(), redistest.Password("gate", "secret")},
	} {
		t.Run(name, func(t *testing.T) {
			s := redistest.Start(t, options...)
			if pong, err := s.Client(t).Ping(t.Context()).Result(); err != nil || pong != "PONG" {
				t.Errorf("PING: %q, %v", pong, err)
			}
			if unix := strings.HasPrefix(s.Address(), "unix:/"); unix != (name == "unix") {
				t.Errorf("address %s", s.Address())
			}
			if !strings.Contains(s.Log(), "eady to accept connections") {
				t.Errorf("log %q", s.Log())
			}
		})
	}
}

func TestServerAsksForWhatItWasToldToAskFor(t *testing.T) {
	for _, user := range []string{"gate", ""} {
		o := redistest.Start(t, redistest.Password(user, "secret")).ClientOptions()
		for _, who := range [][2]string{{"", ""}, {user, "wrong"}, {"other", "secret"}} {
			o.Username, o.Password = who[0], who[1]
			stranger := redis.NewClient(o)
			if err := stranger.Ping(t.Context()).Err(); err == nil {
				t.Errorf("%q is let in", who)
			}
			stranger.Close()
		}
	}
	o := redistest.Start(t, redistest.TLS()).ClientOptions()
	o.TLSConfig.RootCAs, o.DialerRetries = nil, 1
	distrusting := redis.NewClient(o)
	defer distrusting.Close()
	if err := distrusting.Ping(t.Context()).Err(); err == nil {
		t.Error("a certificate that nobody knows is trusted")
	}
}

func TestConfigIsTheServers(t *testing.T) {
	c := redistest.Start(t, redistest.Config("maxmemory-policy", "allkeys-lru"), redistest.Config("maxmemory", "5mb")).Client(t)
	for name, want := range map[string]string{"maxmemory-policy": "allkeys-lru", "maxmemory": "5242880", "save": "", "protected-mode": "yes", "bind": "127.0.0.1"} {
		if got, err := c.ConfigGet(t.Context(), name).Result(); err != nil || got[name] != want {
			t.Errorf("%s is %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestKilledServerComesBackEmptyAtItsAddress(t *testing.T) {
	for name, options := range map[string][]redistest.Option{"tcp": nil, "unix": {redistest.Unix()}} {
		t.Run(name, func(t *testing.T) {
			s := redistest.Start(t, options...)
			c := s.Client(t)
			if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
				t.Fatal(err)
			}
			address, pid := s.Address(), s.PID()
			s.Kill()
			o := s.ClientOptions()
			o.MaxRetries, o.DialerRetries = -1, 1
			impatient := redis.NewClient(o)
			defer impatient.Close()
			if err := impatient.Ping(t.Context()).Err(); err == nil {
				t.Error("a killed server answers")
			}
			if err := syscall.Kill(-pid, 0); err != syscall.ESRCH {
				t.Errorf("something is left of the process: %v", err)
			}
			s.Restart()
			if n, err := c.Exists(t.Context(), "k").Result(); err != nil || n != 0 {
				t.Errorf("after the restart: %d, %v", n, err)
			}
			if s.Address() != address || s.PID() == pid {
				t.Errorf("address %s, process %d; before: %s, %d", s.Address(), s.PID(), address, pid)
			}
		})
	}
}

func TestRestartKeepsDataWhereToldTo(t *testing.T) {
	s := redistest.Start(t, redistest.Config("appendonly", "yes"))
	c := s.Client(t)
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.Restart()
	if v, err := c.Get(t.Context(), "k").Result(); err != nil || v != "v" {
		t.Errorf("%q, %v", v, err)
	}
}

func TestStoppedServerIsSilentUntilItContinues(t *testing.T) {
	s := redistest.Start(t)
	o := s.ClientOptions()
	o.MaxRetries, o.ReadTimeout = -1, 50*time.Millisecond
	c := redis.NewClient(o)
	defer c.Close()
	s.Stop()
	err := c.Ping(t.Context()).Err()
	if timeout, ok := errors.AsType[net.Error](err); !errors.Is(err, context.DeadlineExceeded) && (!ok || !timeout.Timeout()) {
		t.Errorf("a stopped server: %v", err)
	}
	s.Continue()
	if err := s.Client(t).Ping(t.Context()).Err(); err != nil {
		t.Errorf("after it goes on: %v", err)
	}
}

func TestStoppedServerCanBeRestarted(t *testing.T) {
	s := redistest.Start(t)
	s.Stop()
	s.Restart()
	if err := s.Client(t).Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}

func TestCPUTimeGrows(t *testing.T) {
	s := redistest.Start(t)
	c := s.Client(t)
	before := s.CPU()
	const script = "local n = 0 for i = 1, 300000 do n = n + i end return n"
	if err := c.Eval(t.Context(), script, nil).Err(); err != nil {
		t.Fatal(err)
	}
	if used := s.CPU() - before; used < 100*time.Microsecond {
		t.Errorf("a loop of 300000 took %v", used)
	}
}
