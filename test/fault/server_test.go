package fault

import (
	"errors"
	"slices"
	"testing"

	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/lockstore"
)

// at is where a gate finds its Redis.
func at(s *redistest.Server) option {
	return func(o *lockstore.RedisOptions) { o.Addresses, o.TLS = []string{s.Address()}, s.TLSConfig() }
}

func user(name, password string) option {
	return func(o *lockstore.RedisOptions) { o.Username, o.Password = name, password }
}

func fingerprint(of string) option {
	return func(o *lockstore.RedisOptions) { o.Fingerprint = of }
}

// leastRights are the commands and names that a gate needs.
var leastRights = []any{
	"~" + prefix + "*", "&" + prefix + "*",
	"+evalsha", "+eval", "+time", "+get", "+set", "+publish", "+subscribe", "+info",
}

// wantWork has two gates pass a session on.
func wantWork(t *testing.T, options ...option) {
	t.Helper()
	one, two := startGate(t, options...), startGate(t, options...)
	for _, g := range []*gate{one, two} {
		if g.Away() || g.Refused() != nil {
			t.Fatalf("away %v, refused %v", g.Away(), g.Refused())
		}
	}
	turn := one.take(t, shared(1))
	next := two.enqueue(t.Context(), t, shared(1))
	turn.Release()
	turnOf(t, next).turn.Release()
	for _, g := range []*gate{one, two} {
		if n := g.failures.count(); n != 0 {
			t.Errorf("%d calls failed", n)
		}
	}
}

func TestGateWorksHoweverRedisIsReached(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]redistest.Option{
		"unix socket":    {redistest.Unix()},
		"TLS":            {redistest.TLS()},
		"password":       {redistest.Password("", "hunter2")},
		"TLS and a user": {redistest.TLS(), redistest.Password("gate", "hunter2")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, options...)
			o := s.ClientOptions()
			wantWork(t, at(s), user(o.Username, o.Password), fingerprint("a"))
			wantExpiries(t, s.Client(t))
		})
	}
}

func TestGateNeedsFewRights(t *testing.T) {
	t.Parallel()
	t.Run("single", func(t *testing.T) {
		t.Parallel()
		s := redistest.Start(t)
		admin := s.Client(t)
		grant(t, admin, leastRights...)
		wantWork(t, at(s), user("gate", "hunter2"), fingerprint("a"))
		wantDenied(t, admin, "config|get") // what it is for is said by a notice only
	})
	t.Run("Sentinel", func(t *testing.T) {
		t.Parallel()
		s := redistest.StartSentinel(t)
		admin := s.Master(t).Client(t)
		grant(t, admin, leastRights...)
		wantWork(t, under(s), user("gate", "hunter2"), fingerprint("a"))
		wantDenied(t, admin, "config|get")
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		c := redistest.StartCluster(t, 0)
		for i := range c.Addresses() {
			grant(t, c.Node(i).Client(t), append(leastRights, "+cluster|slots", "+command")...)
		}
		wantWork(t, inCluster(c), user("gate", "hunter2"), fingerprint("a"))
		for i := range c.Addresses() {
			wantDenied(t, c.Node(i).Client(t))
		}
	})
}

// grant makes a user who may do nothing else.
func grant(t *testing.T, admin *redis.Client, rights ...any) {
	t.Helper()
	rule := append([]any{"ACL", "SETUSER", "gate", "on", ">hunter2", "resetkeys", "resetchannels", "-@all"}, rights...)
	if err := admin.Do(t.Context(), rule...).Err(); err != nil {
		t.Fatal(err)
	}
}

// wantDenied compares what a server has denied since it was started.
func wantDenied(t *testing.T, admin *redis.Client, commands ...string) {
	t.Helper()
	entries, err := admin.ACLLog(t.Context(), 100).Result()
	if err != nil {
		t.Fatal(err)
	}
	denied := []string{}
	for _, entry := range entries {
		denied = append(denied, entry.Object)
	}
	if !slices.Equal(denied, commands) {
		t.Errorf("denied: %q, want %q", denied, commands)
	}
}

func TestServerThatDoesNotFitIsAnErrorAtStart(t *testing.T) {
	t.Parallel()
	guarded := redistest.Start(t, redistest.Password("", "hunter2"))
	open := redistest.Start(t)
	if err := open.Client(t).Do(t.Context(), "ACL", "SETUSER", "reader", "on", ">x", "~*", "&*", "+@read", "+info").Err(); err != nil {
		t.Fatal(err)
	}
	cluster := redistest.StartCluster(t, 0)
	for name, c := range map[string]struct {
		options []option
		want    error
	}{
		"no password":            {[]option{at(guarded)}, lockstore.ErrServerAccess},
		"wrong password":         {[]option{at(guarded), user("", "swordfish")}, lockstore.ErrServerAccess},
		"unknown user":           {[]option{at(open), user("nobody", "x")}, lockstore.ErrServerAccess},
		"user who may not write": {[]option{at(open), user("reader", "x"), fingerprint("a")}, lockstore.ErrServerAccess},
		"too old":                {[]option{atOld(t, "# Server\r\nredis_version:6.0.16\r\nredis_mode:standalone\r\n")}, lockstore.ErrServerTooOld},
		"much too old":           {[]option{atOld(t, "# Server\r\nredis_version:2.8\r\n")}, lockstore.ErrServerTooOld},
		"cluster too old":        {[]option{atOld(t, "# Server\r\nredis_version:6.2.1\r\nredis_mode:cluster\r\n")}, lockstore.ErrServerTooOld},
		"Sentinel":               {[]option{atOld(t, "# Server\r\nredis_version:7.0.15\r\nredis_mode:sentinel\r\n")}, lockstore.ErrServerKind},
		"part of a cluster": {[]option{at(cluster.Node(0)), func(o *lockstore.RedisOptions) {
			o.Mode = lockstore.RedisSingle
		}}, lockstore.ErrServerKind},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := newGate(t, c.options...).Start(t.Context()); !errors.Is(err, c.want) {
				t.Errorf("start: %v, want %v", err, c.want)
			}
		})
	}
}

// atOld is a server that only says what it is.
func atOld(t *testing.T, about string) option {
	t.Helper()
	s, err := server.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for command, reply := range map[string]func(*server.Peer){
		"INFO": func(p *server.Peer) { p.WriteBulk(about) },
		"PING": func(p *server.Peer) { p.WriteInline("PONG") },
		"CLUSTER": func(p *server.Peer) { // SLOTS: all of them are here
			p.WriteLen(1)
			p.WriteLen(3)
			p.WriteInt(0)
			p.WriteInt(16383)
			p.WriteLen(2)
			p.WriteBulk("127.0.0.1")
			p.WriteInt(s.Addr().Port)
		},
	} {
		if err := s.Register(command, func(p *server.Peer, _ string, _ []string) { reply(p) }); err != nil {
			t.Fatal(err)
		}
	}
	return func(o *lockstore.RedisOptions) { o.Addresses = []string{s.Addr().String()} }
}

func TestServerThatEvictsIsNoticed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options []redistest.Option
		notices int
	}{
		"no bound":    {[]redistest.Option{redistest.Config("maxmemory-policy", "allkeys-lru")}, 0},
		"noeviction":  {[]redistest.Option{redistest.Config("maxmemory", "100mb"), redistest.Config("maxmemory-policy", "noeviction")}, 0},
		"allkeys-lru": {[]redistest.Option{redistest.Config("maxmemory", "100mb"), redistest.Config("maxmemory-policy", "allkeys-lru")}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := startGate(t, at(redistest.Start(t, c.options...)))
			if len(g.notices) != c.notices {
				t.Errorf("%d notices, want %d", len(g.notices), c.notices)
			}
			g.take(t, shared(1)).Release()
		})
	}
	t.Run("a server that does not say", func(t *testing.T) {
		t.Parallel()
		s := redistest.Start(t, redistest.Config("maxmemory", "100mb"), redistest.Config("maxmemory-policy", "allkeys-lru"))
		if err := s.Client(t).Do(t.Context(), "ACL", "SETUSER", "default", "-config").Err(); err != nil {
			t.Fatal(err)
		}
		wantWork(t, at(s))
	})
}

func TestGateWithAnotherSecretIsRefused(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	one := startGate(t, at(s), fingerprint("a"))
	same := startGate(t, at(s), fingerprint("a"))
	other := startGate(t, at(s), fingerprint("b"))
	unnamed := startGate(t, at(s))
	for _, g := range []*gate{one, same, unnamed} {
		if why := g.Refused(); why != nil {
			t.Errorf("refused: %v", why)
		}
	}
	if why := other.Refused(); !errors.Is(why, lockstore.ErrFingerprint) {
		t.Errorf("a gate with another secret: refused: %v", why)
	}
	wantExpiries(t, s.Client(t))
}
