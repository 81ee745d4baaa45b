package botua

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// browsers are what people use: none of them may be taken for a crawler.
var browsers = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
	"Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 OPR/122.0.0.0",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 14.7; rv:144.0) Gecko/20100101 Firefox/144.0",
	"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
	"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
	"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.7 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0.7390.41 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0",
	"Mozilla/5.0 (Linux; Android 14; SM-S911B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/140.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15 Epiphany/605.1.15",
	"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 Librewolf/128.0",
	"Lynx/2.9.0dev.12 libwww-FM/2.14 SSL-MM/1.4.1 GNUTLS/3.7.8",
	"",
	"a",
}

func TestBrowsersAreNoCrawlers(t *testing.T) {
	d := New()
	for _, userAgent := range browsers {
		if d.IsBot(userAgent) {
			t.Errorf("%q is taken for a crawler", userAgent)
		}
	}
}

func TestEveryUserAgentOfTheDataIsACrawler(t *testing.T) {
	list, err := readCrawlers()
	if err != nil {
		t.Fatal(err)
	}
	d, instances := New(), 0
	for _, c := range list {
		for _, userAgent := range c.Instances {
			instances++
			if len(userAgent) > maxLength {
				t.Errorf("%q has %d bytes: more than are looked at", userAgent, len(userAgent))
			}
			for _, kept := range []bool{false, true} {
				if !d.IsBot(userAgent) {
					t.Errorf("%q (pattern %q) is not found; asked before: %v", userAgent, c.Pattern, kept)
				}
			}
		}
	}
	if len(list) < 1000 || instances < 1500 {
		t.Errorf("%d patterns with %d user agents: the data are not whole", len(list), instances)
	}
}

// TestIndexSaysWhatTheExpressionsSay runs every expression of the data on every
// user agent of it, and on some that are close to one.
func TestIndexSaysWhatTheExpressionsSay(t *testing.T) {
	list, err := readCrawlers()
	if err != nil {
		t.Fatal(err)
	}
	texts := append([]string{
		"xcurl/8.0", "curl/8.0", " sentry/1", "asentry/1", "sentry/1", "AdsBot-Google", "AdsBot-Google-x", "AdsBot-Googlex", "SSL Labs", "SSL Labs x",
		"SEMRUSHBot", "SEmrushBot", "sEmRushBot", "\u017femrushBot", "Spider x spider.com", "Spider spider.co", "BlogTraffic/1.2 Feed-Fetcher", "BlogTraffic/1. Feed-Fetcher",
	}, browsers...)
	for i := 0; i < len(list); i += 50 {
		for _, userAgent := range list[i].Instances {
			texts = append(texts, userAgent, strings.ToLower(userAgent), userAgent[len(userAgent)/2:], "x"+userAgent)
		}
	}
	var expressions []*regexp.Regexp
	for _, c := range list {
		expressions = append(expressions, regexp.MustCompile(c.Pattern))
	}
	for _, text := range texts {
		want := ""
		for _, e := range expressions {
			if e.MatchString(text) {
				want = e.String()
				break
			}
		}
		if got := known().matches(text); got != (want != "") {
			t.Errorf("%q: %v, the expressions say %q", text, got, want)
		}
	}
}

func TestOnlyTheBeginningIsLookedAt(t *testing.T) {
	d := New()
	if !d.IsBot(strings.Repeat("x", maxLength-len("Googlebot/")) + "Googlebot/2.1") {
		t.Error("a crawler's name that ends at the bound is not seen")
	}
	if d.IsBot(strings.Repeat("x", maxLength) + "Googlebot/2.1") {
		t.Error("a user agent is looked at beyond the bound")
	}
}

func TestAFloodKeepsWithinItsPlacesAndChangesNoAnswer(t *testing.T) {
	d := New()
	var flood sync.WaitGroup
	for worker := range 4 {
		flood.Go(func() {
			for i := range 3 * entries {
				if d.IsBot(fmt.Sprint("Mozilla/5.0 (", worker, i, ")")) || !d.IsBot("Googlebot/2.1 (+http://www.google.com/bot.html)") {
					t.Error("an answer changed")
					return
				}
			}
		})
	}
	flood.Wait()
	kept := 0
	for i := range d.sets {
		for way := range d.sets[i] {
			if d.sets[i][way].Load() != nil {
				kept++
			}
		}
	}
	if kept < entries/2 || kept > entries {
		t.Errorf("%d answers are kept, of %d places", kept, entries)
	}
}

func TestPatternsThatWouldCostTooMuchAreRefused(t *testing.T) {
	many := make([]string, maxFurther+1)
	for i := range many {
		many[i] = fmt.Sprint("crawler", i, ".*x")
	}
	for want, patterns := range map[string][]string{
		"error parsing regexp":       {"a("},
		"needs no text of 3 bytes":   {"bot", "b[0-9]+t"},
		"more than 64 patterns that": many,
	} {
		if _, err := newIndex(patterns); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", patterns, err, want)
		}
	}
}

// hostile needs every expression to be run, and has none of them match.
func hostile() string {
	var b strings.Builder
	for _, further := range known().further {
		literals, _ := needed(mustParse(further.String()))
		b.WriteString(literals[0].text + "-")
	}
	text := b.String()
	if len(text) > maxLength || known().matches(text) {
		panic("not hostile: " + text)
	}
	return text + strings.Repeat("Mo", (maxLength-len(text))/2)
}

// TestAnUnknownUserAgentCostsLittle holds the worst to a bound that even a busy
// machine with the race detector keeps in one of its better moments; the benchmarks
// give the figures.
func TestAnUnknownUserAgentCostsLittle(t *testing.T) {
	const bound, moments = time.Millisecond, 5 * time.Second
	text, least := hostile(), time.Hour
	for first := time.Now(); least > bound && time.Since(first) < moments; {
		began := time.Now()
		known().matches(text)
		least = min(least, time.Since(began))
	}
	if least > bound {
		t.Errorf("a user agent made to cost much costs %v", least)
	}
}

func BenchmarkKnown(b *testing.B) {
	d := New()
	b.ReportAllocs()
	for b.Loop() {
		d.IsBot(browsers[0])
	}
}

func BenchmarkUnknownBrowser(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		known().matches(browsers[0])
	}
}

func BenchmarkUnknownHostile(b *testing.B) {
	text := hostile()
	b.ReportAllocs()
	for b.Loop() {
		known().matches(text)
	}
}

func BenchmarkData(b *testing.B) {
	for b.Loop() {
		list, err := readCrawlers()
		if err != nil {
			b.Fatal(err)
		}
		patterns := make([]string, len(list))
		for i, c := range list {
			patterns[i] = c.Pattern
		}
		if _, err := newIndex(patterns); err != nil {
			b.Fatal(err)
		}
	}
}
