package proxy

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/limiter"
)

// limited puts limits on all requests of a bench, and rules in front.
func (b *bench) limited(o limiter.Options, list ...rules.Rule) *limiter.Set {
	b.Helper()
	set, err := limiter.New(o)
	if err != nil {
		b.Fatal(err)
	}
	b.swap(set, o, list...)
	return set
}

// swap has all limits and caps apply to requests that no rule decides, and to
// those of the rules.
func (b *bench) swap(set *limiter.Set, o limiter.Options, list ...rules.Rule) {
	b.Helper()
	policy := *b.gate.setup.Load().Rules.Policies()[0]
	policy.Limits, policy.Concurrency = nil, nil
	for _, l := range o.Limits {
		policy.Limits = append(policy.Limits, l.Name)
	}
	for _, c := range o.Concurrency {
		policy.Concurrency = append(policy.Concurrency, c.Name)
	}
	compiled, err := rules.Compile(policy, list)
	if err != nil {
		b.Fatal(err)
	}
	b.change(func(s *Setup) { s.Rules, s.Limits = compiled, set })
}

// request is asked from an address; header lines follow.
func (b *bench) from(address, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.RemoteAddr = address
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	b.gate.ServeHTTP(w, r)
	return w
}

// logged is the log, when everything about all requests is over.
func (b *bench) logged() string {
	b.Helper()
	if err := b.gate.Drain(b.Context()); err != nil {
		b.Fatal(err)
	}
	return b.log.String()
}

func always(*http.Request) (*http.Response, error) { return ok("page")() }

func oneAnHour(key string) limiter.Options {
	return limiter.Options{Limits: []limiter.Limit{{Name: "few", Key: key, Rate: 1. / 3600, Burst: 1, Enforce: true}}}
}

func TestALimitCountsByItsKey(t *testing.T) {
	const one, other = "192.0.2.1:1000", "192.0.2.2:1000"
	for key, requests := range map[string][]struct {
		address, path, header string
		want                  int
	}{
		"client": {
			{one, "/", "", 200},
			{"192.0.2.1:2000", "/a/x", "User-Agent: else", 429},
			{other, "/", "", 200},
			{"[2001:db8::1]:1", "/", "", 200},
			{"[2001:db8::ffff:2]:1", "/", "", 429},
			{"[2001:db8:0:1::2]:1", "/", "", 200},
			{"@", "/", "", 200},
			{"", "/", "", 429}, // unix peers have no address, and are one
		},
		"session": {
			{one, "/", "Cookie: PHPSESSID=abc", 200},
			{other, "/free", "Cookie: PHPSESSID=abc", 429},
			{one, "/", "Cookie: PHPSESSID=def", 200},
			{one, "/", "", 200},
			{one, "/", "", 200}, // no session, nothing to count
		},
		"user_agent": {
			{one, "/", "User-Agent: Scraper/1.0", 200},
			{other, "/", "User-Agent: sCraper/1.0", 429},
			{one, "/", "User-Agent: Scraper/1.1", 200},
			{one, "/", "", 200},
			{other, "/", "", 429},
			{one, "/", "User-Agent: " + strings.Repeat("x", 600) + "a", 200},
			{one, "/", "User-Agent: " + strings.Repeat("x", 600) + "b", 429},
		},
		"rule": {
			{one, "/a/x", "", 200}, {other, "/a/y", "", 429}, {one, "/", "", 200}, {other, "/b", "", 429}, {other, "/free", "", 429},
		},
		"all": {
			{one, "/", "", 200}, {other, "/a/x", "", 429}, {one, "/", "Cookie: PHPSESSID=def", 429},
		},
	} {
		t.Run(key, func(t *testing.T) {
			b := newBench(t, always)
			b.limited(oneAnHour(key), rules.Rule{Name: "a", Match: rules.Match{Path: []string{"/a/**"}}},
				rules.Rule{Name: "a group", Match: rules.Match{Path: []string{"/group"}}, LockGroup: new("g")})
			for i, r := range requests {
				if got := b.from(r.address, r.path, r.header); got.Code != r.want {
					t.Errorf("request %d, %+v: %d", i, r, got.Code)
				}
			}
		})
	}
}

func TestASessionIsOneForItsLimitsWhateverItsLine(t *testing.T) {
	b := newBench(t, always)
	b.limited(oneAnHour("session"), rules.Rule{Name: "group", Match: rules.Match{Path: []string{"/group"}}, LockGroup: new("g")},
		rules.Rule{Name: "none", Match: rules.Match{Path: []string{"/none"}}, Lock: new(rules.None)})
	const cookie = "Cookie: PHPSESSID=abc"
	b.want("the session", b.from("192.0.2.1:1", "/group", cookie).Code, 200)
	for _, path := range []string{"/", "/none", "/group"} {
		b.want(path, b.from("192.0.2.1:1", path, cookie).Code, 429)
	}
}

func TestARuleMayHaveOtherLimits(t *testing.T) {
	b := newBench(t, always)
	b.limited(oneAnHour("client"), rules.Rule{Name: "monitor", Match: rules.Match{Path: []string{"/health"}}, Limits: []string{}, Concurrency: []string{}})
	b.want("the first", b.from("192.0.2.1:1", "/").Code, 200)
	b.want("the second", b.from("192.0.2.1:1", "/").Code, 429)
	b.want("without limits", b.from("192.0.2.1:1", "/health").Code, 200)
}

func TestARefusalByALimitSaysWhichAndUntilWhen(t *testing.T) {
	b := newBench(t, always)
	o := oneAnHour("client")
	o.Limits = append(o.Limits,
		limiter.Limit{Name: "wide", Key: "all", Rate: 100, Burst: 100, Enforce: true},
		limiter.Limit{Name: "secret", Key: "all", Rate: 1. / 3600, Burst: 1})
	b.limited(o)
	passed := b.from("192.0.2.1:1", "/")
	if got := passed.Header(); got.Get("RateLimit-Policy") != `"few";q=1;w=3600, "wide";q=100;w=1` || got.Get("RateLimit") != `"few";r=0;t=3600, "wide";r=99;t=1` {
		t.Errorf("passed: %v", got)
	}
	refused := b.from("192.0.2.1:1", "/", "Accept: application/json")
	h := refused.Header()
	seconds, _ := strconv.Atoi(h.Get("Retry-After"))
	if seconds < 3599 || seconds > 3622 {
		t.Errorf("Retry-After %q", h.Get("Retry-After"))
	}
	if h.Get("RateLimit-Policy") != `"few";q=1;w=3600, "wide";q=100;w=1` || !strings.HasPrefix(h.Get("RateLimit"), `"few";r=0;t=`) {
		t.Errorf("refused: %v", h)
	}
	var said struct {
		Reason   string
		Violated []string `json:"violated-policies"`
	}
	if err := json.Unmarshal(refused.Body.Bytes(), &said); err != nil || said.Reason != "rate_limited" || !slices.Equal(said.Violated, []string{"few"}) {
		t.Errorf("%v: %s", err, refused.Body)
	}
	for _, want := range []string{`"stage":"limit","reason":"rate_limited","limit":"few"`, `"message":"request refused by a limit; of several in a second one is logged"`} {
		if log := b.logged(); !strings.Contains(log, want) {
			t.Errorf("no %s in\n%s", want, log)
		}
	}
	m := b.gate.Metrics
	b.want("few", int(testutil.ToFloat64(m.limitRefused.WithLabelValues("few", "true"))), 1)
	b.want("wide", int(testutil.ToFloat64(m.limitRefused.WithLabelValues("wide", "true"))), 0)
	b.want("refused", int(testutil.ToFloat64(m.refusals.WithLabelValues("rate_limited"))), 1)
}

func TestFieldsOfTheApplicationStay(t *testing.T) {
	b := newBench(t, func(*http.Request) (*http.Response, error) {
		return ok("page", "RateLimit", `"app";r=5;t=9`, "RateLimit-Policy", `"app";q=5;w=9`)()
	})
	b.limited(oneAnHour("client"))
	h := b.from("192.0.2.1:1", "/").Header()
	if got := h.Values("RateLimit"); !slices.Equal(got, []string{`"app";r=5;t=9`, `"few";r=0;t=3600`}) {
		t.Errorf("RateLimit: %q", got)
	}
	if got := h.Values("RateLimit-Policy"); !slices.Equal(got, []string{`"app";q=5;w=9`, `"few";q=1;w=3600`}) {
		t.Errorf("RateLimit-Policy: %q", got)
	}
}

func TestALimitThatIsNotEnforcedHoldsNobodyUp(t *testing.T) {
	b := newBench(t, always)
	o := oneAnHour("client")
	o.Limits[0].Enforce = false
	o.Concurrency = []limiter.Concurrency{{Name: "one", Key: "all", Max: 1}}
	b.limited(o)
	for range 3 {
		w := b.from("192.0.2.1:1", "/")
		b.want("status", w.Code, 200)
		if w.Header().Get("RateLimit") != "" {
			t.Errorf("clients are told of a limit that is not enforced: %v", w.Header())
		}
	}
	m := b.gate.Metrics
	b.want("would have been refused", int(testutil.ToFloat64(m.shadowRefused.WithLabelValues("rate_limited"))), 2)
	b.want("by the limit", int(testutil.ToFloat64(m.limitRefused.WithLabelValues("few", "false"))), 2)
	b.want("refused", int(testutil.ToFloat64(m.refusals.WithLabelValues("rate_limited"))), 0)
	if want := `"limit":"few","shadow_refused":["rate_limited"]`; strings.Count(b.logged(), want) != 2 {
		t.Errorf("not 2 access lines with %s in\n%s", want, b.logged())
	}
}

func oneAtOnce(enforce bool) limiter.Options {
	return limiter.Options{Concurrency: []limiter.Concurrency{{Name: "one", Key: "client", Max: 1, Enforce: enforce}}}
}

func TestACapBoundsWhatIsInTheGateAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		b.limited(oneAtOnce(true))
		first := b.send("GET", "")
		synctest.Wait()
		second := b.send("POST", "a body that nobody reads", "Accept", "application/json")
		<-second.done
		b.want("status", second.Code, 429)
		if body := second.Body.String(); !strings.Contains(body, `"reason":"concurrency_full"`) || !strings.Contains(body, `"violated-policies":["one"]`) {
			t.Errorf("got %s", body)
		}
		if second.Header().Get("Connection") != "close" || second.Header().Get("Retry-After") == "" {
			t.Errorf("got %v", second.Header())
		}
		b.want("by the cap", int(testutil.ToFloat64(b.gate.Metrics.capRefused.WithLabelValues("one", "true"))), 1)
		s.let(ok("page"))
		<-first.done
		third := b.send("GET", "")
		synctest.Wait()
		s.let(ok("page"))
		<-third.done
		b.want("status", third.Code, 200)
	})
}

// Else a client that leaves again and again could have all of PHP.
func TestACapCountsWhatRunsOnWithoutItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		b.limited(oneAtOnce(true))
		first := b.send("GET", "")
		synctest.Wait()
		first.leave()
		<-first.done
		second := b.send("GET", "")
		<-second.done
		b.want("status while PHP runs on", second.Code, 429)
		s.let(ok("nobody reads it"))
		synctest.Wait()
		third := b.send("GET", "")
		synctest.Wait()
		s.let(ok("page"))
		<-third.done
		b.want("status afterwards", third.Code, 200)
	})
}

func TestACapThatIsNotEnforcedCountsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		set := b.limited(oneAtOnce(false))
		for range 3 {
			b.send("GET", "")
			synctest.Wait()
		}
		b.want("in flight", inFlight(set), 3)
		b.want("would have been refused", int(testutil.ToFloat64(b.gate.Metrics.shadowRefused.WithLabelValues("concurrency_full"))), 2)
		for range 3 {
			s.let(ok("page"))
			synctest.Wait()
		}
		b.want("in flight", inFlight(set), 0)
	})
}

// inFlight counts the client of httptest's requests.
func inFlight(set *limiter.Set) int {
	x := &exchange{}
	x.client.Addr = netip.MustParseAddr("192.0.2.1")
	key, _ := x.limitKey(keyClient, nil)
	return set.Cap("one").InFlight(key)
}

// Every way out of the gate gives the place back, and the next one gets it.
func TestThePlaceOfACapIsGivenBackOnEveryPath(t *testing.T) {
	for name, leave := range map[string]func(*bench, *stagehand, *visit){
		"answered": func(_ *bench, s *stagehand, _ *visit) { s.let(ok("page")) },
		"upstream failed": func(_ *bench, s *stagehand, _ *visit) {
			s.let(func() (*http.Response, error) { return nil, errors.New("broken") })
		},
		"upstream panics": func(_ *bench, s *stagehand, _ *visit) { s.let(func() (*http.Response, error) { panic("a defect") }) },
		"answer broke off": func(_ *bench, s *stagehand, _ *visit) {
			s.let(func() (*http.Response, error) { return answer(errReader{errWrappedEOF}), nil })
		},
		"client left": func(_ *bench, s *stagehand, v *visit) {
			v.leave()
			<-v.done
			s.let(ok("too late"))
		},
		"gate ended": func(b *bench, s *stagehand, _ *visit) {
			b.gate.Abort()
			s.let(func() (*http.Response, error) { return nil, errClosed })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s stagehand
				b := newBench(t, s.php)
				set := b.limited(oneAtOnce(true))
				v := b.send("GET", "")
				synctest.Wait()
				b.want("in flight", inFlight(set), 1)
				leave(b, &s, v)
				<-v.done
				synctest.Wait()
				b.want("in flight", inFlight(set), 0)
			})
		})
	}
	t.Run("refused by the line", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var s stagehand
			b := newBench(t, s.php, func(p *rules.Policy, _ *Settings) { p.RejectBusy = true })
			o := oneAtOnce(true)
			o.Concurrency[0].Max = 2
			set := b.limited(o)
			first := b.send("GET", "")
			synctest.Wait()
			second := b.send("GET", "")
			<-second.done
			b.want("status", second.Code, 429)
			b.want("in flight", inFlight(set), 1)
			s.let(ok("page"))
			<-first.done
		})
	})
	t.Run("handler panics", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, always)
			set := b.limited(oneAtOnce(true))
			func() {
				defer func() { _ = recover() }()
				b.gate.ServeHTTP(brokenWriter{httptest.NewRecorder()}, httptest.NewRequest("GET", "/", nil))
			}()
			synctest.Wait()
			b.want("in flight", inFlight(set), 0)
		})
	})
}

// What both configurations say goes on: a debt, and who is in the gate.
func TestLimitsGoOnWhenPoliciesAreSwapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		o := oneAtOnce(true)
		o.Concurrency[0].Key = "all"
		o.Limits = oneAnHour("session").Limits
		before := b.limited(o)
		first := b.send("GET", "")
		synctest.Wait()

		after, err := before.Next(o)
		if err != nil {
			t.Fatal(err)
		}
		b.swap(after, o)
		spent := b.send("GET", "") // of the same session
		full := b.send("GET", "", "Cookie", "PHPSESSID=other")
		<-spent.done
		<-full.done
		if spent.Code != 429 || !strings.Contains(spent.Body.String(), "rate_limited") || !strings.Contains(full.Body.String(), "concurrency_full") {
			t.Errorf("after the swap: %s %s", spent.Body, full.Body)
		}
		s.let(ok("page"))
		<-first.done
		last := b.send("GET", "", "Cookie", "PHPSESSID=another")
		synctest.Wait()
		s.let(ok("page"))
		<-last.done
		b.want("when the first has left", last.Code, 200)
	})
}
