package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// twice loads one text and then has another read again.
func twice(t *testing.T, before, after string) (*Reloaded, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gate.yaml")
	source := Source{Path: path}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(before)
	running, err := Load(source)
	if err != nil {
		t.Fatal(err)
	}
	write(after)
	return Reload(source, running)
}

const twoUpstreams = `
upstreams:
  - {name: php, servers: [{address: "127.0.0.1:9000"}], root: /srv}
  - {name: live, protocol: http, servers: [{address: "127.0.0.1:9001"}]}
`

func TestReloadTellsWhatIsTakenOverFromWhatNeedsARestart(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		changed, restart    []string
	}{
		{name: "nothing", before: "lock: {mode: barrier}", after: "{lock: {mode: barrier}, rules: []}"},
		{name: "rules and limits", after: "rules: [{name: a, match: {method: [GET]}, lock: none}]\nlimits: [{name: l, rate: 1/s}]", changed: []string{"rules", "limits"}},
		{
			name: "single keys", before: "lock: {max_waiting: 3}", after: "{lock: {ttl: 11s}, log: {level: debug, format: console}}",
			changed: []string{"log.level", "lock.max_waiting"}, restart: []string{"log.format", "lock.ttl"},
		},
		{
			name: "the listeners", after: "{server: {listen: ':81', trusted_proxies: [10.0.0.0/8]}, admin: {listen: '127.0.0.1:1', pprof: true}}",
			changed: []string{"server.trusted_proxies", "admin.pprof"}, restart: []string{"server.listen", "admin.listen"},
		},
		{name: "one upstream less", before: twoUpstreams, after: "upstreams: [{name: php, servers: [{address: '127.0.0.1:9000'}], root: /srv}]", changed: []string{"upstreams"}},
		{name: "one server more", before: twoUpstreams, after: strings.Replace(twoUpstreams, "9001\"}", "9001\"}, {address: \"127.0.0.1:9002\"}", 1), changed: []string{"upstreams"}},
		{name: "a list that is kept", after: "redis: {addresses: ['127.0.0.1:1', '127.0.0.1:2']}", restart: []string{"redis.addresses"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := twice(t, c.before, c.after)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Changed, c.changed) || !slices.Equal(got.Restart, c.restart) {
				t.Errorf("changed %q, restart %q, want %q and %q", got.Changed, got.Restart, c.changed, c.restart)
			}
		})
	}
}

func TestWhatNeedsARestartKeepsItsValue(t *testing.T) {
	got, err := twice(t, twoUpstreams+"server: {listen: ':80'}\nlock: {ttl: 9s}\nredis: {addresses: ['127.0.0.1:1']}",
		strings.NewReplacer("9001", "9002").Replace(twoUpstreams)+
			"server: {listen: ':81', drain_delay: 7s}\nlock: {ttl: 8s, max_hold: 100s}\nredis: {addresses: ['127.0.0.1:2']}")
	if err != nil {
		t.Fatal(err)
	}
	c := got.Config
	if c.Server.Listen != ":80" || c.Lock.TTL != 9*time.Second || c.Redis.Addresses[0] != "127.0.0.1:1" {
		t.Errorf("taken over: %q, %v, %q", c.Server.Listen, c.Lock.TTL, c.Redis.Addresses)
	}
	if c.Server.DrainDelay != 7*time.Second || c.Lock.MaxHold != 100*time.Second || c.Upstreams[1].Servers[0].Address != "127.0.0.1:9002" {
		t.Errorf("not taken over: %v, %v, %+v", c.Server.DrainDelay, c.Lock.MaxHold, c.Upstreams[1])
	}
}

func TestWhatWouldOnlyDoAfterARestartIsRefused(t *testing.T) {
	for _, c := range []struct{ name, before, after, want string }{
		{
			"no token on a listener that stays", "admin: {listen: ':9180', token_file: /etc/token}", "admin: {listen: '127.0.0.1:9180'}",
			"\nthat is so until the gate is restarted, which a new value of admin.listen needs; restart it, or take that back",
		},
		{
			"shared limits without the Redis that stays away", "", "lock: {store: redis}\nlimits: [{name: l, rate: 1/s, scope: shared}]",
			"limits[0].scope: shared is counted in Redis",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := twice(t, c.before, c.after)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestAMistakeIsToldAsAtTheStart(t *testing.T) {
	_, err := twice(t, "", "lock: {mode: exclusiv, max_waiting: -1}\nserver: {listen: nowhere}")
	var lines []string
	if err != nil {
		lines = strings.Split(err.Error(), "\n")
	}
	if len(lines) != 3 {
		t.Errorf("got %q, want 3 mistakes", lines)
	}
}

// No key is taken over by being forgotten here: each that is has been looked at,
// and stands on the page.
func TestOperationsPageNamesTheKeysThatAreTakenOver(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Reloading\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var want []string
	for line := range strings.SplitSeq(section, "\n") {
		if _, keys, ok := strings.Cut(line, "| taken over | "); ok {
			for key := range strings.SplitSeq(strings.Trim(keys, " |"), ", ") {
				want = append(want, strings.Trim(key, "`"))
			}
		}
	}
	if got := LiveKeys(); !reflect.DeepEqual(got, want) {
		t.Errorf("taken over are\n%s\nand the page says\n%s", strings.Join(got, ", "), strings.Join(want, ", "))
	}
}
