package http

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/clientip"
	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/internal/spool"
	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/proxy"
	"github.com/sessiongate/sessiongate/proxy/balance"
	"github.com/sessiongate/sessiongate/proxy/fastcgi"
	"github.com/sessiongate/sessiongate/proxy/keepalive"
	"github.com/sessiongate/sessiongate/proxy/loopback"
	"github.com/sessiongate/sessiongate/proxy/page"
	"github.com/sessiongate/sessiongate/proxy/session"
)

// FuzzForwarded sends what the fuzzer makes up through a gate, over HTTP and over
// FastCGI, parses what came out of it once more, and expects that this is safe,
// and that it gives the rule and the session that the gate has decided on.
func FuzzForwarded(f *testing.F) {
	for _, sc := range all() {
		if sc.says == "" && len(sc.send) < 4<<10 {
			f.Add([]byte(sc.send))
		}
	}
	gates := []*fuzzedGate{newFuzzedGate(f, overHTTP), newFuzzedGate(f, overFastCGI)}
	f.Fuzz(func(t *testing.T, sent []byte) {
		for _, g := range gates {
			g.try(t, sent)
		}
	})
}

// fuzzedGate is a gate in this process, with the server that faces clients.
type fuzzedGate struct {
	protocol protocol
	gate     *proxy.Gate
	clients  *handed
	backend  *recorder
	rules    *rules.Set
	index    string
	log      lines
}

// fuzzedRules look at everything that a rule can look at.
func fuzzedRules(t testing.TB) *rules.Set {
	t.Helper()
	yes, none := true, rules.None
	set, err := rules.Compile(rules.Policy{Cookie: "PHPSESSID", Upstream: "app", MaxBodySize: 64 << 10}, []rules.Rule{
		{Name: "admin", Match: rules.Match{Path: []string{"/admin", "/admin/**"}}},
		{Name: "post", Match: rules.Match{Method: []string{"POST"}, Path: []string{"/a"}}},
		{Name: "query", Match: rules.Match{Query: []rules.NameValue{{Name: "b", Value: "c*"}}}},
		{Name: "other-cookie", Match: rules.Match{Path: []string{"/b/**"}}, Cookie: ptr("OTHER")},
		{Name: "unlocked", Match: rules.Match{Path: []string{"/*.css"}}, Lock: &none},
		{Name: "header", Match: rules.Match{Header: []rules.NameValue{{Name: "X-A", Value: "b"}}}},
		{Name: "session", Match: rules.Match{Path: []string{"/x/**"}, Session: &yes}},
		{Name: "host", Match: rules.Match{Host: []string{"*.victim.test", "victim.test"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func ptr[T any](v T) *T { return &v }

func newFuzzedGate(f *testing.F, p protocol) *fuzzedGate {
	f.Helper()
	g := &fuzzedGate{protocol: p, clients: newHanded(), backend: &recorder{protocol: p}, rules: fuzzedRules(f)}
	address := "unix:" + g.backend.listenOn(f, "unix", filepath.Join(scratch(f), "s"))
	pool, err := spool.Open(f.TempDir(), spool.Limits{})
	if err != nil {
		f.Fatal(err)
	}
	up := &proxy.Upstream{Name: "app", Host: theUpstreams, FastCGI: p == overFastCGI, ResponseTimeout: patience}
	var transport interface {
		http.RoundTripper
		Close() error
	}
	if p == overFastCGI {
		up.IndexScript, g.index = "/index.php", "/index.php"
		transport, err = fastcgi.New(fastcgi.Options{Address: address, Root: "/srv"})
	} else {
		transport, err = keepalive.New(address, patience)
	}
	if err != nil {
		f.Fatal(err)
	}
	up.Servers = balance.New(balance.Options{}, balance.NewServer(address, transport))
	g.gate = proxy.New(proxy.Parts{
		Locks: lockstore.NewMemory(lockstore.Limits{}), Keys: session.NewHasher(nil), Loopback: loopback.NewSigner(nil), Spool: pool,
		Metrics: proxy.NewMetrics(prometheus.NewRegistry()), Log: zerolog.New(&g.log),
	}, proxy.Setup{
		Rules: g.rules, Upstreams: []*proxy.Upstream{up}, Clients: clientip.New(nil), Page: page.Default(),
		Settings: proxy.Settings{BodyIdleTimeout: patience, BodyMemory: 64 << 10, ResponseMemory: 64 << 10, MaxResponse: 1 << 20, AccessLog: true},
	})
	server := proxy.NewServer(g.gate, proxy.ServerLimits{ReadHeaderTimeout: patience, IdleTimeout: patience, BodyIdleTimeout: patience, MaxHeaderSize: 64 << 10}, zerolog.Nop())
	var running sync.WaitGroup
	ours := server.ConnState
	server.ConnState = func(c net.Conn, s http.ConnState) {
		ours(c, s)
		switch s {
		case http.StateNew:
			running.Add(1)
		case http.StateClosed, http.StateHijacked:
			running.Done()
		}
	}
	running.Go(func() { _ = server.Serve(g.clients) }) // until it is closed
	f.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for _, end := range []func() error{server.Close, func() error { return g.gate.Close(ctx) }, transport.Close, pool.Close} {
			if err := end(); err != nil {
				f.Error(err)
			}
		}
		running.Wait()
	})
	return g
}

// try sends bytes on a connection of their own.
func (g *fuzzedGate) try(t *testing.T, sent []byte) {
	t.Helper()
	g.backend.take()
	g.log.take()
	c := newTimeless(bytes.Clone(sent))
	g.clients.conns <- c
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-c.over:
	case <-limit.C:
		t.Fatalf("%s: the gate does not come to an end with it", g.protocol)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := g.gate.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	decided := g.log.take()
	for _, q := range g.backend.take() {
		if err := errors.Join(q.wantSafe(), q.wantUnrelayed()); err != nil {
			t.Errorf("%s: %s: %v", g.protocol, q, err)
		}
		id, _ := q.value("x-request-id")
		said, ok := decided[id]
		if !ok {
			t.Fatalf("%s: the gate knows nothing of %s", g.protocol, q)
		}
		if rule, key := g.read(t, q); said.Rule != rule || said.Session != key {
			t.Errorf("%s: the gate has decided on rule %q and session %q; %s with %q gives %q and %q", g.protocol, said.Rule, said.Session, q, q.header, rule, key)
		}
	}
}

// read reads a request as its receiver does, and decides.
func (g *fuzzedGate) read(t *testing.T, q request) (rule, key string) {
	t.Helper()
	method, target, _ := strings.Cut(q.line, " ")
	escaped, query, _ := strings.Cut(target, "?")
	path, err := rules.NormalizePath(escaped, g.index)
	if err != nil {
		t.Fatalf("%s: forwarded %s: %v", g.protocol, q, err)
	}
	if g.protocol == overFastCGI {
		if sent, _ := q.value("$query-string"); sent != query {
			t.Errorf("QUERY_STRING %q and REQUEST_URI %q", sent, target)
		}
	}
	header := http.Header{}
	for _, name := range []string{"Cookie", "X-A"} {
		if value, ok := q.value(strings.ToLower(name)); ok {
			header[name] = []string{value}
		}
	}
	id := func(cookie, _ string) (string, bool) { return session.Source{Cookie: cookie}.ID(header) }
	policy := g.rules.Decide(&rules.Request{
		Host: strings.TrimPrefix(q.host, theUpstreams), Path: path, Method: method, RawQuery: query,
		Header:     func(name string) []string { return header[name] },
		HasSession: func(cookie, header string) bool { _, ok := id(cookie, header); return ok },
	})
	if session, ok := id(policy.Cookie, ""); ok && policy.Lock != rules.None {
		key = fmt.Sprint(sessionKey(session))
	}
	return policy.Rule, key
}

func sessionKey(id string) lockstore.Key { return session.NewHasher(nil).Key(id, "") }

// decision is what an access line says of a request.
type decision struct {
	RequestID string `json:"request_id"`
	Rule      string `json:"rule"`
	Session   string `json:"session"`
	Message   string `json:"message"`
}

// lines takes a log.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// take returns the decisions that were logged since it was last called.
func (l *lines) take() map[string]decision {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := map[string]decision{}
	for line := range bytes.Lines(l.buf.Bytes()) {
		var d decision
		if json.Unmarshal(line, &d) == nil && d.Message == "request" {
			found[d.RequestID] = d
		}
	}
	l.buf.Reset()
	return found
}
