package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessiongate/sessiongate/internal/rules"
)

func TestControlHeaderIsRead(t *testing.T) {
	for _, c := range []struct {
		lines   []string
		release bool
		hold    time.Duration
		bad     string
	}{
		{nil, false, 0, ""},
		{[]string{"release"}, true, 0, ""},
		{[]string{"hold=2s"}, false, 2 * time.Second, ""},
		{[]string{" hold=1500ms "}, false, 1500 * time.Millisecond, ""},
		{[]string{"hold=1s, hold=3s"}, false, 3 * time.Second, ""},
		{[]string{"release", "hold=2s"}, false, 2 * time.Second, ""},
		{[]string{"hold=2s, release"}, false, 2 * time.Second, ""},
		{[]string{"release", "release"}, true, 0, ""},
		{[]string{"hold=2"}, false, 0, "hold=2"},
		{[]string{"hold=-2s"}, false, 0, "hold=-2s"},
		{[]string{"hold="}, false, 0, "hold="},
		{[]string{"Release"}, false, 0, "Release"},
		{[]string{""}, false, 0, ""},
		{[]string{"release,nonsense"}, true, 0, "nonsense"},
	} {
		got, bad := readOrders(http.Header{ControlHeader: c.lines})
		if got.release != c.release || got.hold != c.hold || bad != c.bad {
			t.Errorf("%q: got %+v, bad %q; want release=%v hold=%v bad=%q", c.lines, got, bad, c.release, c.hold, c.bad)
		}
	}
}

// When the turn ends, seen from a second request of the session. PHP sends its
// headers at once and ends its answer after 10 s.
func TestTurnEndsWhenSaid(t *testing.T) {
	const end = 10 * time.Second
	onHeaders := func(p *rules.Policy, _ *Settings) { p.ReleaseOnHeaders = true }
	delayed := func(p *rules.Policy, _ *Settings) { p.ReleaseDelay = 3 * time.Second }
	bounded := func(p *rules.Policy, _ *Settings) { p.MaxHold = 12 * time.Second }
	for _, c := range []struct {
		name   string
		header string
		policy []func(*rules.Policy, *Settings)
		turn   time.Duration // how long it lasts
	}{
		{"at the end", "", nil, end},
		{"release at once", "release", nil, 0},
		{"release counts before release_delay", "release", []func(*rules.Policy, *Settings){delayed}, 0},
		{"hold after the end", "hold=2s", nil, end + 2*time.Second},
		{"hold and release_delay do not add up", "hold=2s", []func(*rules.Policy, *Settings){delayed}, end + 3*time.Second},
		{"release_delay after the end", "", []func(*rules.Policy, *Settings){delayed}, end + 3*time.Second},
		{"release_on headers", "", []func(*rules.Policy, *Settings){onHeaders}, 0},
		{"release_on headers with release_delay", "", []func(*rules.Policy, *Settings){onHeaders, delayed}, 3 * time.Second},
		{"hold counts before release_on headers", "hold=1s", []func(*rules.Policy, *Settings){onHeaders}, end + time.Second},
		{"hold within max_hold", "hold=1h", []func(*rules.Policy, *Settings){bounded}, 12 * time.Second},
		{"nonsense changes nothing", "hold=soon", nil, end},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				var began time.Time
				b := newBench(t, func(*http.Request) (*http.Response, error) {
					if n++; n > 1 {
						began = time.Now()
						return answer(strings.NewReader("")), nil
					}
					r, w := io.Pipe()
					time.AfterFunc(end, func() { _ = w.Close() })
					if c.header == "" {
						return answer(r), nil
					}
					return answer(r, ControlHeader, c.header), nil
				}, c.policy...)
				start := time.Now()
				first := b.send("GET", "")
				synctest.Wait()
				second := b.send("GET", "")
				<-second.done
				<-first.done
				if got := began.Sub(start); got != c.turn {
					t.Errorf("the second request began after %v, want %v", got, c.turn)
				}
				if got := first.Header().Get(ControlHeader); got != "" {
					t.Errorf("the control header reached the client: %q", got)
				}
			})
		})
	}
}

// A failure means that PHP has ended, or never began: no delay.
func TestTurnEndsAtOnceWhenTheUpstreamFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
			func(p *rules.Policy, _ *Settings) { p.ReleaseDelay = time.Hour })
		v := b.send("GET", "")
		<-v.done
		synctest.Wait()
		if v.Code != http.StatusBadGateway {
			t.Fatalf("status %d, want 502", v.Code)
		}
		b.want("sessions", b.locks.Sessions(), 0)
	})
}

// A turn may be ended by its request, by max_hold, by a delay, in one instant
// and from any goroutine: it is given back once.
func TestHoldEndsOnce(t *testing.T) {
	b := newBench(t, nil)
	for range 500 {
		rec := newRecord(b.gate)
		rec.setup = &setup{shadow: true}
		x := &exchange{gate: b.gate, record: rec, policy: &rules.Policy{MaxHold: time.Microsecond}}
		turn, err := b.locks.Acquire(t.Context(), x.ticket)
		if err != nil {
			t.Fatal(err)
		}
		h := startHold(x, turn)
		go h.endAfter(time.Microsecond)
		go h.end()
		h.exceed()
		rec.finish()
		<-turn.Context().Done()
	}
}

func newRequest() *http.Request {
	r, _ := http.NewRequest(http.MethodGet, "http://shop.example/", nil)
	return r
}
