package proxy

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sessiongate/sessiongate/internal/rules"
)

func redirects(p *rules.Policy, _ *Settings) { p.RedirectOutdated = true }

// loggedIn is an answer that gives the session "abc" another id.
func loggedIn() func() (*http.Response, error) {
	return ok("welcome", "Set-Cookie", "PHPSESSID=def; path=/; HttpOnly")
}

func (v *visit) wantRedirect(t *testing.T, location string) {
	t.Helper()
	<-v.done
	if got := v.Header().Get("Location"); v.Code != http.StatusTemporaryRedirect || got != location {
		t.Errorf("status %d to %q, want 307 to %q", v.Code, got, location)
	}
	if got := v.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
}

func TestChangesID(t *testing.T) {
	const sent = "PHPSESSID=abc"
	for _, tc := range []struct {
		name, sent string
		set        []string
		want       bool
	}{
		{"no cookie is set", sent, nil, false},
		{"another id", sent, []string{"PHPSESSID=def; path=/"}, true},
		{"the same id, to last longer", sent, []string{"PHPSESSID=abc; Max-Age=3600"}, false},
		{"the same id, written in another way", sent, []string{"PHPSESSID=%61bc"}, false},
		{"no id was sent", "a=b", []string{"PHPSESSID=def"}, false},
		{"no id that PHP takes", "PHPSESSID=a%20c", []string{"PHPSESSID=def"}, false},
		{"another cookie", sent, []string{"cart=def", "phpsessid=def"}, false},
		{"the last one counts", sent, []string{"PHPSESSID=def", "PHPSESSID=abc"}, false},
		{"deleted by its age", sent, []string{"PHPSESSID=deleted; Max-Age=0"}, false},
		{"deleted by its date", sent, []string{"PHPSESSID=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT"}, false},
		{"deleted, then another", sent, []string{"PHPSESSID=deleted; Max-Age=0", "PHPSESSID=def"}, true},
		{"a date that is over, but an age", sent, []string{"PHPSESSID=def; expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=60"}, true},
		{"empty", sent, []string{"PHPSESSID="}, false},
		{"not to be understood", sent, []string{"=", "PHPSESSID"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := changesID(http.Header{"Cookie": {tc.sent}}, http.Header{"Set-Cookie": tc.set}, "PHPSESSID")
			if got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// FuzzSamePlace: whatever a client has asked for, it is sent there again, and
// nowhere else.
func FuzzSamePlace(f *testing.F) {
	for _, target := range []string{
		"/", "//", "//evil.example", "/a//b", "/a/b/", "/a:b", "/http:", "/%2f%2fevil", "/a%2fb", "/a?", "/a??b", "/a?b#c", "/a;b?c=/d", "/\\evil", "/ä", "/?", "/@evil", "///", "/a/%2e%2e",
	} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		asked, err := url.ParseRequestURI(target)
		if err != nil || asked.Path == "" || asked.Path[0] != '/' || asked.Host != "" {
			return // net/http takes none such
		}
		base := &url.URL{Scheme: "https", Host: "shop.example", Path: asked.Path, RawPath: asked.RawPath, RawQuery: asked.RawQuery, ForceQuery: asked.ForceQuery}
		ref, err := url.Parse(samePlace(asked))
		if err != nil {
			t.Fatalf("%q: %v", samePlace(asked), err)
		}
		base.RawQuery = strings.ReplaceAll(base.RawQuery, "#", "%23")
		// What a client makes of dots in its own request is the same for both.
		got, want := base.ResolveReference(ref), base.ResolveReference(&url.URL{Path: base.Path, RawPath: base.RawPath, RawQuery: base.RawQuery, ForceQuery: base.ForceQuery})
		if got.String() != want.String() {
			t.Errorf("%q is sent to %q, which is %s, want %s", target, samePlace(asked), got, want)
		}
	})
}

func TestThoseWhoWaitForALogInAskAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, redirects)
		first := b.send("POST", "the log-in")
		synctest.Wait()
		second, third := b.send("GET", ""), b.send("POST", "a body")
		synctest.Wait()
		b.want("waiting", b.gate.Locks.Waiting(), 2)
		s.let(loggedIn())
		<-first.done
		second.wantRedirect(t, "./cart")
		third.wantRedirect(t, "./cart")
		b.want("counted", int(testutil.ToFloat64(b.gate.Metrics.refusals.WithLabelValues("id_changed"))), 2)
		b.want("at PHP", s.running(), 0)
		late := b.send("GET", "") // with the old id: nobody says that it has another
		synctest.Wait()
		b.want("at PHP", s.running(), 1)
		s.let(ok("late"))
		<-late.done
		if first.Body.String() != "welcome" || late.Code != http.StatusOK {
			t.Errorf("first %q, late %d", first.Body, late.Code)
		}
	})
}

func TestBarriersThatWaitForALogInAskAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, redirects)
		b.send("POST", "the log-in")
		synctest.Wait()
		set, err := rules.Compile(rules.Policy{Cookie: "PHPSESSID", Upstream: "php", Lock: rules.Barrier, RedirectOutdated: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.useRules(set)
		second := b.send("GET", "")
		synctest.Wait()
		s.let(loggedIn())
		second.wantRedirect(t, "./cart")
	})
}

func TestAnAnswerThatReleasesEarlyChangesTheIDToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, redirects)
		b.send("POST", "the log-in")
		synctest.Wait()
		second := b.send("GET", "")
		synctest.Wait()
		s.let(ok("welcome", "Set-Cookie", "PHPSESSID=def", ControlHeader, "release"))
		second.wantRedirect(t, "./cart")
	})
}

// Each of these is run, as it would be without the redirects.
func TestWhoCannotFollowIsNotRedirected(t *testing.T) {
	for name, tc := range map[string]struct {
		header []string
		change func(*rules.Policy, *Settings)
	}{
		"not told to":                {nil, func(*rules.Policy, *Settings) {}},
		"a WebSocket":                {[]string{"Connection", "Upgrade", "Upgrade", "websocket"}, redirects},
		"a script of another site":   {[]string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-site"}, redirects},
		"a script of any other site": {[]string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "cross-site"}, redirects},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s stagehand
				b := newBench(t, s.php, tc.change)
				b.send("POST", "the log-in")
				synctest.Wait()
				second := b.send("GET", "", tc.header...)
				synctest.Wait()
				s.let(loggedIn())
				synctest.Wait()
				b.want("at PHP", s.running(), 1)
				s.let(ok("run"))
				<-second.done
				if second.Body.String() != "run" {
					t.Errorf("%d %q", second.Code, second.Body)
				}
			})
		})
	}
}

func TestWhoCanFollowIsRedirected(t *testing.T) {
	for name, header := range map[string][]string{
		"a page":                     {"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "cross-site"},
		"a script of the same place": {"Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-origin"},
		"an image in another site":   {"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Site", "cross-site"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s stagehand
				b := newBench(t, s.php, redirects)
				b.send("POST", "the log-in")
				synctest.Wait()
				second := b.send("GET", "", header...)
				synctest.Wait()
				s.let(loggedIn())
				second.wantRedirect(t, "./cart")
			})
		})
	}
}

// slowHead is a client that takes no headers before it is let.
type slowHead struct {
	*visit
	let chan struct{}
}

func (w slowHead) Flush() {
	<-w.let
	w.visit.Flush()
}

// The redirect must not be there before the id that it tells to come with; a
// client that takes nothing does not hold the line up for long.
func TestTheNewIDIsSentBeforeAnybodyIsRedirected(t *testing.T) {
	for name, takes := range map[string]time.Duration{"at once": 0, "in a moment": hearsWithin / 2, "never": hearsWithin} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s stagehand
				b := newBench(t, s.php, redirects)
				slow := slowHead{let: make(chan struct{})}
				first := b.sendTo(func(v *visit) http.ResponseWriter { slow.visit = v; return slow }, "POST", "the log-in")
				synctest.Wait()
				second := b.send("GET", "")
				synctest.Wait()
				began := time.Now()
				s.let(loggedIn())
				if takes < hearsWithin {
					<-time.After(takes)
					synctest.Wait()
					if second.ended() {
						t.Error("redirected before the new id was sent")
					}
					close(slow.let)
				}
				second.wantRedirect(t, "./cart")
				if waited := time.Since(began); waited != takes {
					t.Errorf("after %s", waited)
				}
				if takes == hearsWithin {
					close(slow.let)
				}
				<-first.done
			})
		})
	}
}

// Then the new id reaches nobody, and there is nothing to wait for.
func TestALogInWhoseClientHasLeftHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, redirects)
		first := b.send("POST", "the log-in")
		synctest.Wait()
		second := b.send("GET", "")
		synctest.Wait()
		first.leave()
		<-first.done
		began := time.Now()
		s.let(loggedIn())
		second.wantRedirect(t, "./cart")
		if waited := time.Since(began); waited != 0 {
			t.Errorf("after %s", waited)
		}
	})
}

func TestUnattendedRequestIsNotRedirected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, redirects, unattended)
		b.send("POST", "the log-in")
		synctest.Wait()
		second := b.send("GET", "")
		synctest.Wait()
		second.leave()
		s.let(loggedIn())
		synctest.Wait()
		b.want("at PHP", s.running(), 1)
		s.let(ok(""))
	})
}
