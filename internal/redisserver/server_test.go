package redisserver_test

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/redisserver"
)

func TestStartSaysWhatIsWrong(t *testing.T) {
	for _, tc := range []struct {
		name string
		opts redisserver.Options
		want string
	}{
		{"no binary", redisserver.Options{Binary: "/none/redis-server"}, "/none/redis-server"},
		{"a setting that Redis does not know", redisserver.Options{Config: map[string]string{"colour": "red"}}, "Bad directive"},
		{"more than a line", redisserver.Options{Config: map[string]string{"save": "\"\"\nport 1"}}, "more than a line"},
		{"a user without a password", redisserver.Options{User: "gate"}, "no password"},
		{"TLS on a unix socket", redisserver.Options{Unix: true, TLS: true}, "has no TLS"},
		{"socket path too long", redisserver.Options{Unix: true, Dir: t.TempDir() + "/" + strings.Repeat("d", 100)}, "at most 107"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			s, err := redisserver.Start(t.Context(), tc.opts)
			if err == nil {
				s.Close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q does not say %q", err, tc.want)
			}
			if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := redisserver.Start(ctx, redisserver.Options{}); err == nil {
		s.Close()
		t.Error("a server started")
	}
	if s, err := redisserver.StartSentinels(ctx, redisserver.Options{}); err == nil {
		s.Close()
		t.Error("sentinels started")
	}
	if c, err := redisserver.StartCluster(ctx, 0); err == nil {
		c.Close()
		t.Error("a cluster started")
	}
}

func TestScratchFolderOfItsOwnIsRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s, err := redisserver.Start(t.Context(), redisserver.Options{TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.CAFile()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

// TestPortStaysWhileTheServerIsDown: nobody else gets it until Close.
func TestPortStaysWhileTheServerIsDown(t *testing.T) {
	s, err := redisserver.Start(t.Context(), redisserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Kill()
	if conn, err := net.Dial("tcp", s.Address()); err == nil {
		conn.Close()
		t.Error("somebody takes connections")
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", s.Address())
	if err != nil {
		t.Fatalf("the port is still taken: %v", err)
	}
	l.Close()
}
