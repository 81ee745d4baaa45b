package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/gatetest"
	"github.com/sessiongate/sessiongate/internal/redisserver"
	"github.com/sessiongate/sessiongate/internal/redistest"
)

// wantRefusal starts a gate that must not start, and wants these words of it.
func wantRefusal(t *testing.T, yaml string, words ...string) {
	t.Helper()
	log := &gatetest.Log{}
	a, err := New(load(t, quiet+"lock: {store: redis}\n"+yaml), "test", zerolog.New(log))
	if err != nil {
		t.Fatal(err)
	}
	err = a.Start(t.Context())
	if closing := a.Close(); closing != nil {
		t.Error(closing)
	}
	if err == nil {
		t.Fatalf("it started:\n%s", log)
	}
	for _, want := range append(words, "redis: ") {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

func TestStartSaysWhatIsWrongWithTheAddress(t *testing.T) {
	t.Parallel()
	redis, other := redistest.Start(t).Address(), redistest.Start(t).Address()
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	page := web.Listener.Addr().String()
	for name, c := range map[string]struct {
		yaml  string
		words []string
	}{
		"HTTP":                    {redisAt(page, ""), []string{page + " (redis.addresses[0])", "is no Redis", "HTTP/1.1 400"}},
		"HTTP, Sentinel expected": {redisAt(page, ", master_name: gate"), []string{page + " (redis.addresses[0])", "is no Redis"}},
		"HTTP, TLS expected":      {redisAt(page, ", tls: {enabled: true}"), []string{page + " (redis.addresses[0])", "is no Redis"}},
		"no database":             {redisAt(redis, ", db: 16"), []string{redis + " (redis.addresses[0])", "no database 16", "redis.db"}},
		"no Sentinel":             {redisAt(redis, ", master_name: gate"), []string{redis + " (redis.addresses[0])", "no Sentinel", "redis.master_name"}},
		"no cluster":              {redisAt(redis, ", mode: cluster"), []string{redis + " (redis.addresses[0])", "redis.mode: single"}},
		"two servers": {
			redisAtAll([]string{redis, other}, ""),
			[]string{redis + " (redis.addresses[0]), " + other + " (redis.addresses[1]): is part of no cluster, which several redis.addresses stand for"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, c.yaml, c.words...)
		})
	}
}

func secretFile(t *testing.T, secret string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestStartSaysWhatIsWrongWithTLS(t *testing.T) {
	t.Parallel()
	plain := redistest.Start(t)
	crypt := redistest.Start(t, redistest.TLS(), redistest.Config("bind", "127.0.0.1 127.0.0.2"))
	stranger := redistest.Start(t, redistest.TLS())
	strict := redistest.Start(t, redistest.TLS(), redistest.Config("tls-auth-clients", "yes"))
	trust := func(s *redistest.Server) string { return ", tls: {enabled: true, ca_file: " + s.CAFile() + "}" }
	elsewhere := strings.Replace(crypt.Address(), "127.0.0.1", "127.0.0.2", 1)
	for name, c := range map[string]struct {
		yaml  string
		words []string
	}{
		"TLS to a plain port":     {redisAt(plain.Address(), trust(crypt)), []string{plain.Address() + " (redis.addresses[0])", "speaks no TLS", "redis.tls.enabled: false"}},
		"plain to a TLS port":     {redisAt(crypt.Address(), ""), []string{crypt.Address() + " (redis.addresses[0])", "speaks TLS", "redis.tls.enabled"}},
		"authority of another":    {redisAt(crypt.Address(), trust(stranger)), []string{"not trusted", "redis.tls.ca_file (" + stranger.CAFile() + ")"}},
		"the system's authority":  {redisAt(crypt.Address(), ", tls: {enabled: true}"), []string{"not trusted", "redis.tls.ca_file names the authority"}},
		"another name":            {redisAt(elsewhere, trust(crypt)), []string{elsewhere + " (redis.addresses[0])", "for another name", "127.0.0.1"}},
		"no certificate":          {redisAt(strict.Address(), trust(strict)), []string{"refuses the gate's TLS", "redis.tls.cert_file"}},
		"plain Sentinel with TLS": {redisAt(plain.Address(), trust(crypt)+", master_name: gate"), []string{"speaks no TLS"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, c.yaml, c.words...)
		})
	}
}

func TestStartSaysWhatIsWrongWithTheUser(t *testing.T) {
	t.Parallel()
	guarded := redistest.Start(t, redistest.Password("", "hunter2"))
	open := redistest.Start(t)
	for user, rights := range map[string]string{
		"reader": "~sg:* &sg:* +@read +info",
		"deaf":   "~sg:* &sg:* +eval +evalsha +get +set +time +publish +info",
		"other":  "~other:* &other:* +eval +evalsha +get +set +time +publish +subscribe +info",
	} {
		rule := []any{"ACL", "SETUSER", user, "on", ">x"}
		for word := range strings.FieldsSeq(rights) {
			rule = append(rule, word)
		}
		if err := open.Client(t).Do(t.Context(), rule...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	as := func(user string) string { return ", username: " + user + ", password_file: " + secretFile(t, "x") }
	for name, c := range map[string]struct {
		yaml  string
		words []string
	}{
		"no password":       {redisAt(guarded.Address(), ""), []string{guarded.Address() + " (redis.addresses[0])", "NOAUTH", "redis.password_file"}},
		"wrong password":    {redisAt(guarded.Address(), ", password_file: "+secretFile(t, "x")), []string{guarded.Address() + " (redis.addresses[0])", "WRONGPASS", "redis.username and redis.password_file"}},
		"may not write":     {redisAt(open.Address(), as("reader")), []string{open.Address() + " (redis.addresses[0])", "NOPERM", "redis.username", "ACL"}},
		"may not subscribe": {redisAt(open.Address(), as("deaf")), []string{open.Address() + " (redis.addresses[0])", "'subscribe'", "redis.username", "ACL"}},
		"other keys":        {redisAt(open.Address(), as("other")), []string{open.Address() + " (redis.addresses[0])", "redis.key_prefix", "ACL"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, c.yaml, c.words...)
		})
	}
}

func TestStartSaysWhatIsWrongWithSentinels(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinel(t)
	if err := s.Master(t).Client(t).ConfigSet(t.Context(), "requirepass", "hunter2").Err(); err != nil {
		t.Fatal(err)
	}
	at := s.Addresses()[0]
	all := func(more string) string { return redisAtAll(s.Addresses(), more) }
	for name, c := range map[string]struct {
		yaml  string
		words []string
	}{
		"taken for a Redis":   {redisAt(at, ", mode: single"), []string{at + " (redis.addresses[0])", "is a Sentinel", "redis.mode: sentinel and redis.master_name"}},
		"no name":             {redisAt(at, ""), []string{at + " (redis.addresses[0])", "is a Sentinel", "redis.master_name"}},
		"Redis's password":    {redisAt(at, ", password_file: "+secretFile(t, "x")), []string{"is a Sentinel"}},
		"taken for a cluster": {all(""), []string{at + " (redis.addresses[0]), ", "(redis.addresses[2]): is a Sentinel"}},
		"unknown name":        {all(", master_name: shop"), []string{at + " (redis.addresses[0]), ", `(redis.addresses[2]): knows no master "shop"`, "redis.master_name"}},
		"password of master":  {all(", master_name: " + redisserver.MasterName), []string{s.Master(t).Address() + ` (the master "gate", as Sentinel 127.0.0.1:`, "NOAUTH", "redis.password_file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, c.yaml, c.words...)
		})
	}
}

func TestSentinelsHaveAPasswordOfTheirOwn(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"", "watcher"} {
		t.Run("user "+user, func(t *testing.T) {
			t.Parallel()
			s := redistest.StartSentinel(t, redistest.Password(user, "hunter2"))
			under := func(more string) string {
				return redisAtAll(s.Addresses(), ", master_name: "+redisserver.MasterName+more)
			}
			named := ""
			if user != "" {
				named = ", sentinel_username: " + user
			}
			wantRefusal(t, under(""), s.Addresses()[0]+" (redis.addresses[0]), ", "NOAUTH", "redis.sentinel_username and redis.sentinel_password_file")
			wantRefusal(t, under(", password_file: "+secretFile(t, "hunter2")), "NOAUTH", "redis.sentinel_password_file")
			wantRefusal(t, under(named+", sentinel_password_file: "+secretFile(t, "x")), s.Addresses()[2]+" (redis.addresses[2])", "WRONGPASS", "redis.sentinel_username and redis.sentinel_password_file")
			right := under(named + ", sentinel_password_file: " + secretFile(t, "hunter2"))
			a, log := startApp(t, "lock: {store: redis}\n"+right+upstreamOf(t, func(http.ResponseWriter, *http.Request) {})+
				"rules: [{name: closed, match: {path: [/closed]}, on_store_failure: closed}]\n")
			if status, body := get(t, a, "/closed"); status != http.StatusOK || a.locks.away() {
				t.Errorf("status %d: %s\n%s", status, body, log)
			}
			s.WaitForMaster(t, s.KillMaster(t))
			n := 0
			eventually(t, "the gate has found the next master", func() bool {
				n++ // of no session has it a lease already
				status, _ := getOf(t, a, "/closed", fmt.Sprintf("%026d", n))
				return status == http.StatusOK
			})
		})
	}
}

func TestStartSaysWhatIsWrongWithAClusterMember(t *testing.T) {
	t.Parallel()
	at := redistest.StartCluster(t, 0).Addresses()[0]
	wantRefusal(t, redisAt(at, ", mode: single"), at+" (redis.addresses[0])", "is part of a cluster", "redis.mode: cluster")
	wantRefusal(t, redisAt(at, ", db: 1"), "a cluster has no database but 0, and redis.db is 1")
	wantRefusal(t, redisAt(at, ", master_name: gate"), at+" (redis.addresses[0])", "no Sentinel")
}

// What may pass by itself is no reason not to start, and is said all the same.
func TestGateSaysWhatKeepsRedisAway(t *testing.T) {
	t.Parallel()
	t.Run("a replica", func(t *testing.T) {
		t.Parallel()
		primary := redistest.Start(t)
		replica := redistest.Start(t, redistest.Config("replicaof", strings.Replace(primary.Address(), ":", " ", 1)))
		a, log := startApp(t, "lock: {store: redis}\n"+redisAt(replica.Address(), "")+upstreamOf(t, nil))
		for _, want := range []string{"Redis is away", replica.Address() + " (redis.addresses[0]): takes no writes: a replica of " + primary.Address(), "name the primary in redis.addresses"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("it does not say %q:\n%s", want, log)
			}
		}
		if got := a.ready.Reasons(t.Context()); len(got) != 0 || !a.locks.away() {
			t.Errorf("not ready: %q, away: %v", got, a.locks.away())
		}
		if err := replica.Client(t).Do(t.Context(), "REPLICAOF", "NO", "ONE").Err(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is a primary", func() bool { return !a.locks.away() })
	})
	t.Run("nobody", func(t *testing.T) {
		t.Parallel()
		_, log := startApp(t, "lock: {store: redis}\n"+redisAt(nowhere, ", mode: single"))
		if want := nowhere + " (redis.addresses[0]): cannot be reached ("; !strings.Contains(log.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, log)
		}
	})
}

// What an administrator does while the gate runs is noticed and said, and so is
// that it is mended.
func TestRightsThatAreTakenAwayAreNoticed(t *testing.T) {
	t.Parallel()
	const all = "+eval +evalsha +get +set +time +publish +subscribe +info"
	for name, c := range map[string]struct{ take, want string }{
		"the user":          {"off", "WRONGPASS"},
		"to listen":         {"-subscribe", "'subscribe'"},
		"to write":          {"-evalsha -eval", "NOPERM"},
		"the password":      {"resetpass >other", "WRONGPASS"},
		"its sessions' key": {"resetkeys ~other:*", "redis.key_prefix"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			admin := server.Client(t)
			set := func(rules string) {
				t.Helper()
				command := []any{"ACL", "SETUSER", "gate"}
				for word := range strings.FieldsSeq(rules) {
					command = append(command, word)
				}
				if err := admin.Do(t.Context(), command...).Err(); err != nil {
					t.Fatal(err)
				}
			}
			set("on >hunter2 ~sg:* &sg:* " + all)
			a, log := startApp(t, "lock: {store: redis}\n"+redisAt(server.Address(), ", username: gate, password_file: "+secretFile(t, "hunter2"))+upstreamOf(t, func(http.ResponseWriter, *http.Request) {}))
			if got := a.ready.Reasons(t.Context()); len(got) != 0 {
				t.Fatalf("not ready: %q", got)
			}
			set(c.take)
			if c.take != "-evalsha -eval" && c.take != "-subscribe" {
				_ = admin.Do(t.Context(), "CLIENT", "KILL", "USER", "gate").Err() // a log-in holds as long as its connection
			} else {
				_ = admin.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err()
			}
			if name == "to write" || name == "its sessions' key" {
				get(t, a, "/") // an idle gate would take its time
			}
			eventually(t, "it is noticed", func() bool {
				for line := range strings.Lines(log.String()) {
					if strings.Contains(line, "what is wrong with Redis") && strings.Contains(line, server.Address()+" (redis.addresses[0])") && strings.Contains(line, c.want) {
						return true
					}
				}
				return false
			})
			if got := a.ready.Reasons(t.Context()); len(got) != 0 {
				t.Errorf("not ready, and so all gates: %q", got)
			}
			set("on resetpass >hunter2 resetkeys ~sg:* " + all)
			eventually(t, "it is mended", func() bool { return !a.locks.away() })
			if strings.Contains(log.String(), "<nil>") {
				t.Errorf("an error without words:\n%s", log)
			}
		})
	}
}
