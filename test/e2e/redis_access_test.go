package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/redistest"
)

func TestGatesShareThroughARedisHoweverItIsReached(t *testing.T) {
	pool := startPHP(t, 4)
	password := secretFile(t, "hunter2\n")
	for name, options := range map[string][]redistest.Option{
		"unix socket":                  {redistest.Unix()},
		"password of the default user": {redistest.Password("", "hunter2")},
		"TLS and a user":               {redistest.TLS(), redistest.Password("gate", "hunter2")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, options...)
			parts := []string{inFrontOf(pool), sharing(server)}
			if name != "unix socket" {
				parts = append(parts, fmt.Sprintf("redis: {password_file: %q}", password))
			}
			if server.CAFile() != "" {
				parts = append(parts, fmt.Sprintf("redis: {username: gate, tls: {enabled: true, ca_file: %q}}", server.CAFile()))
			}
			gates := []*gate{startGate(t, parts...), startGate(t, parts...)}
			awaitDegraded(t, gates, 0)
			wantShared(t, gates)
			if n := sum(t, gates, "local_turns_total"); n != 0 {
				t.Errorf("%v turns were given without Redis", n)
			}
		})
	}
}

// secretFile is a file that only its owner reads.
func secretFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The least that a gate may do in Redis, as docs/operations.md says it.
func TestARedisUserNeedsNoMoreThanIsDocumented(t *testing.T) {
	server := redistest.Start(t)
	admin := server.Client(t)
	rule := documentedACL(t)
	if err := admin.Do(t.Context(), append([]any{"ACL", "SETUSER"}, rule...)...).Err(); err != nil {
		t.Fatalf("ACL SETUSER %v: %v", rule, err)
	}
	secret := strings.TrimPrefix(rule[2].(string), ">")
	parts := []string{
		inFrontOf(startPHP(t, 4)), sharing(server), fmt.Sprintf("redis: {username: %s, password_file: %q}", rule[0], secretFile(t, secret)),
		fmt.Sprintf("session: {key_file: %q}", secretFile(t, strings.Repeat("k", 32))),
	}
	gates := []*gate{startGate(t, parts...), startGate(t, parts...)}
	awaitDegraded(t, gates, 0)
	wantShared(t, gates)
	for _, g := range gates {
		if n := g.storeErrors(t); n != 0 {
			t.Errorf("%v calls to Redis failed:\n%s", n, g.log)
		}
		if status, said := g.adminPage(t, "/readyz"); status != 200 {
			t.Errorf("not ready: %s", said)
		}
	}
	denied, err := admin.Do(t.Context(), "ACL", "LOG").Slice()
	if err != nil || len(denied) != 0 {
		t.Errorf("Redis has denied %v, %v", denied, err)
	}
}

// documentedACL is the ACL rule of docs/operations.md, word by word.
func documentedACL(t *testing.T) (words []any) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(page), "\nACL SETUSER ")
	line, _, _ := strings.Cut(after, "\n")
	for word := range strings.FieldsSeq(line) {
		words = append(words, word)
	}
	if !found || len(words) < 4 {
		t.Fatal("docs/operations.md has no line ACL SETUSER …")
	}
	return words
}

func TestAGateWithAnotherSecretIsNotReady(t *testing.T) {
	server, pool := redistest.Start(t), startPHP(t, 2)
	keyed := func(key string) *gate {
		return startGate(t, inFrontOf(pool), sharing(server), fmt.Sprintf("{session: {key_file: %q}, server: {ready_path: /ready}}", secretFile(t, strings.Repeat(key, 32))))
	}
	one, twin, other := keyed("a"), keyed("a"), keyed("b")
	for _, g := range []*gate{one, twin} {
		g.awaitReady(t, 200)
		g.get(t, "/ready", "").want(t, 200)
	}
	if said := other.awaitReady(t, 503); !strings.Contains(said, "redis: ") || !strings.Contains(said, "another secret") {
		t.Errorf("it says %q", said)
	}
	other.get(t, "/ready", "").want(t, 503)
	logged := false
	for line := range strings.Lines(other.log.String()) {
		logged = logged || strings.Contains(line, `"level":"error"`) && strings.Contains(line, "another secret")
	}
	if !logged {
		t.Errorf("its log has no error that says so:\n%s", other.log)
	}
}

func TestARedisThatDoesNotFitEndsTheStartWithWhatIsWrong(t *testing.T) {
	pool := startPHP(t, 1)
	t.Run("wrong password", func(t *testing.T) {
		server := redistest.Start(t, redistest.Password("gate", "hunter2"))
		wantFailure(t, gateOn(t, pool, server.Address(), fmt.Sprintf("redis: {username: gate, password_file: %q}", secretFile(t, "wrong"))),
			server.Address(), "redis.addresses[0]", "redis.password_file", "WRONGPASS")
	})
	t.Run("too old", func(t *testing.T) {
		wantFailure(t, gateOn(t, pool, redisOfVersion(t, "6.0.16")), "redis: ", "too old", "6.0.16", "6.2")
	})
}

// gateOn is the command that would run a gate on the Redis of an address.
func gateOn(t *testing.T, pool *fpm.Pool, address string, parts ...string) *exec.Cmd {
	t.Helper()
	parts = append([]string{inFrontOf(pool), fmt.Sprintf("{lock: {store: redis}, redis: {addresses: [%q]}}", address)}, parts...)
	return command(t, "serve", "-c", writeConfig(t, parts...))
}

// redisOfVersion knows the command INFO alone, and says there what it is.
func redisOfVersion(t *testing.T, version string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	info := "redis_version:" + version + "\r\nredis_mode:standalone\r\n"
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			go answerInfo(c, fmt.Sprintf("$%d\r\n%s\r\n", len(info), info))
		}
	}()
	return l.Addr().String()
}

// answerInfo answers until the client leaves. A command is an array of words,
// each with its length on a line before.
func answerInfo(c net.Conn, info string) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		words, _ := strconv.Atoi(strings.Trim(line, "*\r\n"))
		reply := "-ERR unknown command\r\n"
		for range 2 * words {
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
			if strings.EqualFold(strings.TrimSpace(line), "info") {
				reply = info
			}
		}
		if _, err := io.WriteString(c, reply); err != nil {
			return
		}
	}
}
