package config

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestFlagsStandAboveEnvironmentAboveFile(t *testing.T) {
	file := []byte("lock: {ttl: 11s, wait_timeout: 12s, max_hold: 130s}\n")
	cfg := mustLoad(t, Source{
		Env:   []string{"SESSIONGATE_LOCK_WAIT_TIMEOUT=13s", "SESSIONGATE_LOCK_MAX_HOLD=140s", "HOME=/root"},
		Flags: []Flag{{Name: "--max-hold", Path: "lock.max_hold", Value: "150s"}},
	}, file)
	want := Defaults().Lock
	want.TTL, want.WaitTimeout, want.MaxHold = 11*time.Second, 13*time.Second, 150*time.Second
	if cfg.Lock != want {
		t.Errorf("got %+v, want %+v", cfg.Lock, want)
	}
}

func TestEveryTypeIsReadFromTheEnvironment(t *testing.T) {
	cfg := mustLoad(t, Source{Env: []string{
		"SESSIONGATE_LOG_ACCESS=false",
		"SESSIONGATE_LOCK_MODE=barrier",
		"SESSIONGATE_LOCK_MAX_WAITING=7",
		"SESSIONGATE_SERVER_MAX_BODY_SIZE=1MiB",
		"SESSIONGATE_SERVER_MIN_BODY_RATE=2KiB/s",
		"SESSIONGATE_SERVER_TRUSTED_PROXIES=10.0.0.0/8, fd00::/8",
		"SESSIONGATE_SESSION_HEADER=",
		"SESSIONGATE_SESSION_KEY=0123456789abcdef",
		"SESSIONGATE_ADMIN_TOKEN_FILE=/run/token",
	}}, nil)
	got := []any{cfg.Log.Access, cfg.Lock.Mode, cfg.Lock.MaxWaiting, cfg.Server.MaxBodySize, cfg.Server.MinBodyRate, len(cfg.Server.TrustedProxies), cfg.Session.Header, string(cfg.Session.Key), cfg.Admin.TokenFile}
	want := []any{false, ModeBarrier, 7, MiB, Rate(2 * KiB), 2, "", "0123456789abcdef", "/run/token"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestEntriesOfListsAreSetByPosition(t *testing.T) {
	cfg := mustLoad(t, Source{
		Env: []string{
			"SESSIONGATE_UPSTREAMS_1_SERVERS_0_ADDRESS=php:9001",
			"SESSIONGATE_UPSTREAMS_1_NAME=second",
			"SESSIONGATE_RULES_0_NAME=assets",
			"SESSIONGATE_RULES_0_MATCH_PATH=/static/**,/media/**",
			"SESSIONGATE_RULES_0_LOCK=none",
		},
		Flags: []Flag{
			{Name: "--fastcgi", Path: "upstreams[0].servers[0].address", Value: "unix:/run/php.sock"},
			{Name: "--root", Path: "upstreams[0].root", Value: "/srv/www"},
		},
	}, nil)
	first, second, rule := cfg.Upstreams[0], cfg.Upstreams[1], cfg.Rules[0]
	if first.Name != "php" || first.Servers[0].Address != "unix:/run/php.sock" || first.Root != "/srv/www" {
		t.Errorf("first: %+v", first)
	}
	if second.Name != "second" || second.Servers[0].Address != "php:9001" || second.Root != "/var/www/html" {
		t.Errorf("second: %+v", second)
	}
	if *rule.Lock != ModeNone || !reflect.DeepEqual(rule.Match.Path, []string{"/static/**", "/media/**"}) {
		t.Errorf("rule: %+v", rule)
	}
	if len(Defaults().Upstreams) != 1 {
		t.Error("the defaults were changed")
	}
}

func TestMistakesInTheEnvironmentAndInFlagsNameThem(t *testing.T) {
	for _, c := range []struct{ env, flag, value, want string }{
		{env: "SESSIONGATE_LOCK_TTL=30", want: "SESSIONGATE_LOCK_TTL: lock.ttl: 30 has no unit; write 30s, 30ms or 30m"},
		{env: "SESSIONGATE_LOCK_TTL=", want: "SESSIONGATE_LOCK_TTL: lock.ttl: is empty, want a duration such as 30s"},
		{env: "SESSIONGATE_LOCK_MODE=", want: "SESSIONGATE_LOCK_MODE: lock.mode: is empty, want one of exclusive, barrier, none"},
		{env: "SESSIONGATE_LOCK_TLL=30s", want: "SESSIONGATE_LOCK_TLL: no such setting; did you mean SESSIONGATE_LOCK_TTL?"},
		{env: "SESSIONGATE_SOMETHING_ELSE=1", want: "SESSIONGATE_SOMETHING_ELSE: no such setting"},
		{env: "SESSIONGATE_SERVER_PORT=8080", want: "SESSIONGATE_SERVER_PORT: no such setting"},
		{env: "SESSIONGATE_LOCK=exclusive", want: "SESSIONGATE_LOCK: no such setting"},
		{env: "SESSIONGATE_LOG_ACCESS=1", want: `SESSIONGATE_LOG_ACCESS: log.access: found "1", want true or false`},
		{env: "SESSIONGATE_SERVER_LISTEN=8080", want: `SESSIONGATE_SERVER_LISTEN: server.listen: "8080" is no address, want host:port, as in 127.0.0.1:8080 or, to listen everywhere, :8080`},
		{env: "SESSIONGATE_UPSTREAMS_2_NAME=x", want: "SESSIONGATE_UPSTREAMS_2_NAME: upstreams[2].name: there are 1 entries; the next has the number 1"},
		{env: "SESSIONGATE_SESSION_KEY=short", want: "SESSIONGATE_SESSION_KEY: session.key: has 5 bytes; a secret has at least 16, as of `openssl rand -hex 32`"},
		{flag: "lock.ttl", value: "30", want: "--flag: lock.ttl: 30 has no unit; write 30s, 30ms or 30m"},
		{flag: "lock.tll", value: "30s", want: "--flag: no such key: lock.tll"},
		{flag: "lock.ttl[0]", value: "30s", want: "--flag: no such key: lock.ttl[0]"},
		{flag: "lock", value: "x", want: "--flag: lock is not a single value"},
		{flag: "session.key", value: "x", want: "--flag: session.key: a secret on the command line can be seen by everyone; use session.key_file or SESSIONGATE_SESSION_KEY"},
	} {
		source := Source{Env: []string{c.env}}
		if c.flag != "" {
			source.Flags = []Flag{{Name: "--flag", Path: c.flag, Value: c.value}}
		}
		if _, err := load(source, nil); err == nil || err.Error() != c.want {
			t.Errorf("%s%s: got\n%v\nwant\n%s", c.env, c.flag, err, c.want)
		}
	}
}

func TestVariablesOfKubernetesAreNotSettings(t *testing.T) {
	mustLoad(t, Source{Env: []string{
		"SESSIONGATE_CONFIG=/etc/gate.yaml",
		"SESSIONGATE_SERVICE_HOST=10.96.0.12",
		"SESSIONGATE_SERVICE_PORT=8080",
		"SESSIONGATE_SERVICE_PORT_HTTP=8080",
		"SESSIONGATE_PORT=tcp://10.96.0.12:8080",
		"SESSIONGATE_PORT_8080_TCP=tcp://10.96.0.12:8080",
		"SESSIONGATE_PORT_8080_TCP_PROTO=tcp",
		"SESSIONGATE_ADMIN_PORT_9180_TCP_ADDR=10.96.0.12",
	}}, nil)
}

func TestNoTwoKeysShareAVariable(t *testing.T) {
	owner := map[string]string{}
	walkKeys(reflect.TypeFor[Config](), "", func(path string, typ reflect.Type) {
		if !isSettable(typ) {
			return
		}
		name := envName(strings.ReplaceAll(path, "[]", ".0"))
		if other, ok := owner[name]; ok {
			t.Errorf("%s stands for %s and %s", name, other, path)
		}
		owner[name] = path
		found, ok := envPath(strings.TrimPrefix(name, envPrefix), keyPath{typ: reflect.TypeFor[Config]()})
		if !ok || general(found.String()) != path {
			t.Errorf("%s is taken for %s, want %s", name, found, path)
		}
		if foreignEnv.MatchString(name + "=1") {
			t.Errorf("%s would be taken for a variable of Kubernetes", name)
		}
	})
}

func TestWhatAnotherPackageFindsIsListedInFileOrder(t *testing.T) {
	file := []byte("rules:\n  - name: a\n    match: {path: [\"/a[\"]}\nlock: {ttl: 0}\n")
	_, err := load(Source{Path: "gate.yaml", Check: func(cfg *Config) error {
		return errors.Join(errors.New("rules[0].match.path[0]: bad glob"), errors.New("lock.ttl: said already"))
	}}, file)
	want := "gate.yaml:3: rules[0].match.path[0]: bad glob\n" +
		"gate.yaml:4: lock.ttl: found 0s, want at least 1s: a lease ends by itself, and is renewed every third of its ttl"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestEntriesOfAListTakeTheirOwnDefaults(t *testing.T) {
	cfg := mustLoad(t, Source{}, []byte(`
upstreams:
  - {name: a, servers: [{address: "127.0.0.1:1"}], health: {interval: 5s}}
rules:
  - {name: a, match: {query: [{name: q}, {name: r, value: ""}]}}
`))
	want := defaultUpstream()
	want.Name, want.Servers = "a", []UpstreamServer{{Address: "127.0.0.1:1"}}
	if !reflect.DeepEqual(cfg.Upstreams, []Upstream{want}) {
		t.Errorf("got %+v, want %+v", cfg.Upstreams, want)
	}
	if q := cfg.Rules[0].Match.Query; q[0].Value != "*" || q[1].Value != "" {
		t.Errorf("got %+v", q)
	}
	if m := cfg.Rules[0]; m.Lock != nil || m.MaxHold != nil || m.Match.Path != nil || m.Session.Cookie != nil {
		t.Errorf("said what nobody said: %+v", m)
	}
}

func mustLoad(t *testing.T, source Source, file []byte) *Config {
	t.Helper()
	cfg, err := load(source, file)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestThePasswordOfTheSentinelsStandsInOnePlace(t *testing.T) {
	env := []string{"SESSIONGATE_REDIS_SENTINEL_PASSWORD=short", "SESSIONGATE_REDIS_MASTER_NAME=gate"}
	cfg := mustLoad(t, Source{Env: env}, nil)
	if got, err := cfg.Redis.WatcherPassword(); got != "short" || err != nil {
		t.Errorf("got %q %v", got, err)
	}
	_, err := load(Source{Env: append(env, "SESSIONGATE_REDIS_SENTINEL_PASSWORD_FILE=/run/sentinel")}, nil)
	want := "SESSIONGATE_REDIS_SENTINEL_PASSWORD: redis.sentinel_password: is set, and so is redis.sentinel_password_file; keep one of them"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestThePasswordOfRedisStandsInOnePlace(t *testing.T) {
	const env = "SESSIONGATE_REDIS_PASSWORD=short"
	cfg := mustLoad(t, Source{Env: []string{env}}, nil)
	if got, err := cfg.Redis.ServerPassword(); got != "short" || err != nil {
		t.Errorf("got %q %v", got, err)
	}
	_, err := load(Source{Env: []string{env, "SESSIONGATE_REDIS_PASSWORD_FILE=/run/redis"}}, nil)
	want := "SESSIONGATE_REDIS_PASSWORD: redis.password: is set, and so is redis.password_file; keep one of them"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}
