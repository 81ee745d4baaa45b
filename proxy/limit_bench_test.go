package proxy

import (
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/clientip"
	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/limiter"
	"github.com/sessiongate/sessiongate/proxy/balance"
	"github.com/sessiongate/sessiongate/proxy/session"
)

// BenchmarkLimit is the stage alone, for a request that passes.
func BenchmarkLimit(b *testing.B) {
	one := limiter.Limit{Name: "limit", Rate: 1e9, Burst: 1e6, Enforce: true}
	of := func(key string) limiter.Options {
		one.Key = key
		return limiter.Options{Limits: []limiter.Limit{one}}
	}
	quiet := of("client")
	quiet.Limits[0].Enforce = false
	for _, c := range []struct {
		name    string
		options limiter.Options
	}{
		{"none", limiter.Options{}},
		{"client", of("client")},
		{"client not enforced", quiet},
		{"session", of("session")},
		{"user agent", of("user_agent")},
		{"all", of("all")},
		{"cap", limiter.Options{Concurrency: []limiter.Concurrency{{Name: "cap", Key: "client", Max: 100, Enforce: true}}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			x := limitedExchange(b, c.options)
			b.ReportAllocs()
			for b.Loop() {
				if err := x.limit(); err != nil {
					b.Fatal(err)
				}
				if x.leaveCaps != nil {
					x.leaveCaps()
				}
			}
		})
	}
}

// limitedExchange is a request that has come as far as the stage.
func limitedExchange(b *testing.B, o limiter.Options) *exchange {
	b.Helper()
	set, err := limiter.New(o)
	if err != nil {
		b.Fatal(err)
	}
	base := rules.Policy{Cookie: "PHPSESSID", Upstream: "php"}
	for _, l := range o.Limits {
		base.Limits = append(base.Limits, l.Name)
	}
	for _, c := range o.Concurrency {
		base.Concurrency = append(base.Concurrency, c.Name)
	}
	compiled, err := rules.Compile(base, nil)
	if err != nil {
		b.Fatal(err)
	}
	gate := New(Parts{
		Keys:    session.NewHasher(nil),
		Metrics: NewMetrics(prometheus.NewRegistry()),
		Log:     zerolog.Nop(),
	}, Setup{Rules: compiled, Upstreams: []*Upstream{{Name: "php", Servers: balance.New(balance.Options{})}}, Limits: set, Clients: clientip.New(nil)})
	r := httptest.NewRequest("GET", "/cart", nil)
	r.Header.Set("Cookie", "PHPSESSID=0123456789abcdef0123456789abcdef")
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	x := gate.newExchange(httptest.NewRecorder(), r)
	x.accept()
	x.policy = x.setup.Rules.Policies()[0]
	if err := x.key(); err != nil {
		b.Fatal(err)
	}
	return x
}
