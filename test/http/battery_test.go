package http

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sessiongate/sessiongate/internal/gatetest"
	"github.com/sessiongate/sessiongate/proxy/session"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		gatetest.RemoveBinary()
		os.Exit(code)
	}))
}

func TestBattery(t *testing.T) {
	for _, p := range []protocol{overHTTP, overFastCGI} {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			open, relays := startGate(t, p, ""), startGate(t, p, senders)
			for _, sc := range all() {
				if sc.runsOver(p) {
					t.Run(sc.name, func(t *testing.T) { sc.of(open, relays).pass(t, &sc) })
				}
			}
		})
	}
}

// pass plays a scenario and compares what came of it with what had to.
func (s *server) pass(t *testing.T, sc *scenario) {
	t.Helper()
	o := s.play(t, sc, patience)
	if o.waits {
		t.Fatalf("only %d of %d answers came, and the connection stays open", len(o.replies), len(sc.replies))
	}
	if len(o.replies) == 0 && len(sc.replies) == 1 && sc.replies[0].cut && o.end == closes {
		o.replies = sc.replies // the answer broke before any of it was on its way
	}
	if len(o.replies) != len(sc.replies) {
		t.Fatalf("%d answers came, want %d: %v", len(o.replies), len(sc.replies), o.replies)
	}
	for i, want := range sc.replies {
		if err := want.differs(o.replies[i]); err != nil {
			t.Errorf("answer %d: %v", i+1, err)
		}
	}
	if o.end != sc.end {
		t.Errorf("the connection can be used on: %v, want %v", o.end == stays, sc.end == stays)
	}
	if len(o.seen) != len(sc.seen) {
		t.Fatalf("the backend has seen %d requests, want %d: %v", len(o.seen), len(sc.seen), o.seen)
	}
	for i, want := range sc.seen {
		if err := want.differs(o.seen[i]); err != nil {
			t.Errorf("request %d at the backend: %v", i+1, err)
		}
		if err := o.seen[i].wantSafe(); err != nil {
			t.Errorf("request %d at the backend: %v", i+1, err)
		}
		if err := o.seen[i].wantUnrelayed(); err != nil && !sc.relayed {
			t.Errorf("request %d at the backend: %v", i+1, err)
		}
	}
	if sc.session != "" && len(o.seen) > 0 {
		s.wantSession(t, o.seen[len(o.seen)-1], sc.session)
	}
}

// wantSession looks in the access line of a request for the session whose line
// it stood in.
func (s *server) wantSession(t *testing.T, q request, id string) {
	t.Helper()
	requestID, _ := q.value("x-request-id")
	line := s.said(t, regexp.MustCompile(`\n([^\n]*"request_id":"`+regexp.QuoteMeta(requestID)+`"[^\n]*\n)`))
	want := `"session":`
	if id != noSession {
		want += fmt.Sprintf("%q", session.NewHasher(nil).Key(id, ""))
	}
	if strings.Contains(line, want) == (id == noSession) {
		t.Errorf("the access line is %s, want the session %q", line, id)
	}
}

// The battery is to have as many scenarios as the project has promised, each
// with a name of its own.
func TestTheBatteryIsLargeEnough(t *testing.T) {
	names := map[string]bool{}
	for _, sc := range all() {
		if names[sc.name] {
			t.Errorf("two scenarios are called %q", sc.name)
		}
		names[sc.name] = true
	}
	const promised = 150
	if len(names) < promised {
		t.Errorf("%d scenarios, want at least %d", len(names), promised)
	}
}
