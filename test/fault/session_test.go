package fault

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/lockstore"
)

// sessionKey is where Redis has a session.
func sessionKey(k lockstore.Key) string { return prefix + "{" + hex.EncodeToString(k[:]) + "}" }

// keyNamed is the session that Redis has under a name.
func keyNamed(t *testing.T, name string) (k lockstore.Key) {
	t.Helper()
	digits := strings.TrimSuffix(strings.TrimPrefix(name, prefix+"{"), "}")
	if n, err := hex.Decode(k[:], []byte(digits)); err != nil || n != len(k) {
		t.Fatalf("%q is no session: %v", name, err)
	}
	return k
}

// record is what Redis knows of a session: see the head of turn.lua.
type record struct {
	fence uint64
	owner string // gate that has the lease; "": nobody
	line  []string
}

func read(t *testing.T, c redis.UniversalClient, k lockstore.Key) record {
	t.Helper()
	text, err := c.Get(t.Context(), sessionKey(k)).Result()
	if errors.Is(err, redis.Nil) {
		return record{}
	}
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(text, ",")
	lease := strings.Fields(parts[0])
	var r record
	if r.fence, err = strconv.ParseUint(lease[0], 10, 64); err != nil {
		t.Fatalf("session %q: %v", text, err)
	}
	if len(lease) > 1 {
		r.owner = lease[1]
	}
	for _, waiter := range parts[1:] {
		r.line = append(r.line, strings.Fields(waiter)[0])
	}
	return r
}

// awaitLine waits until so many gates wait for a session.
func awaitLine(t *testing.T, c redis.UniversalClient, k lockstore.Key, n int) {
	t.Helper()
	eventually(t, "gates wait in Redis", func() bool { return len(read(t, c, k).line) == n })
}

// awaitFree waits until nobody has a session, nor waits for it.
func awaitFree(t *testing.T, c redis.UniversalClient, k lockstore.Key) {
	t.Helper()
	eventually(t, "the session is free", func() bool {
		r := read(t, c, k)
		return r.owner == "" && len(r.line) == 0
	})
}

// inboxes are the channels on which gates listen to a server.
func inboxes(t *testing.T, c *redis.Client) []string {
	t.Helper()
	channels, err := c.PubSubChannels(t.Context(), prefix+"gate:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	return channels
}

// wantExpiries looks at every key of a server: each must end by itself.
func wantExpiries(t *testing.T, c *redis.Client) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	seen := 0
	for keys := c.Scan(ctx, 0, "*", 1000).Iterator(); ; {
		if !keys.Next(ctx) {
			if err := keys.Err(); err != nil {
				t.Fatal(err)
			}
			break
		}
		rest, err := c.PTTL(ctx, keys.Val()).Result()
		if err != nil {
			t.Fatal(err)
		}
		if rest == -1 {
			t.Errorf("key %s has no expiry", keys.Val())
		}
		if !strings.HasPrefix(keys.Val(), prefix) {
			t.Errorf("key %s is not under the prefix", keys.Val())
		}
		seen++
	}
	if seen == 0 {
		t.Error("there are no keys")
	}
}

// micros is a time as Redis's TIME and fences have it.
func micros(at time.Time) uint64 { return uint64(at.UnixMicro()) }
