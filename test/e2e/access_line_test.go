package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
)

// accessLine waits for the access line of a path.
func (g *gate) accessLine(t *testing.T, path string) map[string]any {
	t.Helper()
	var found map[string]any
	eventually(t, func() bool {
		for line := range strings.Lines(g.log.String()) {
			fields := map[string]any{}
			if json.Unmarshal([]byte(line), &fields) == nil && fields["message"] == "request" && fields["path"] == path {
				found = fields
				return true
			}
		}
		return false
	}, func() string { return "no line for " + path + " in\n" + g.log.String() })
	return found
}

func TestTheAccessLineTellsOfWaitHoldAndReason(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 4)), "lock: {wait_timeout: 300ms}", "log: {slow_wait: 250ms}", "rules: [{name: no, match: {path: [/no]}, action: reject, status: 410}]")
	j, end := newJournal(t), newBarrier(t)
	first := g.start(t, end.page(j, "first"), "one")
	j.await(t, "begin first")
	g.get(t, j.page("slow", "late", "ms=0"), "one").wantRefusal(t, 429, "wait_timeout")
	end.lift(t)
	receive(t, first).want(t, 200)
	g.get(t, "/no", "").wantRefusal(t, 410, "rule")

	done := g.accessLine(t, "/until.php")
	for field, want := range map[string]any{"status": 200.0, "stage": "done", "method": "GET", "host": "gate.test", "client": "127.0.0.1", "bytes": 5.0, "level": "info"} {
		if done[field] != want {
			t.Errorf("%s = %v, want %v in %v", field, done[field], want, done)
		}
	}
	if hold, ok := done["hold"].(float64); !ok || hold < 300 {
		t.Errorf("hold = %v ms, want the 300 that the other one waited, in %v", done["hold"], done)
	}
	if _, refused := done["reason"]; refused {
		t.Errorf("a reason without a refusal: %v", done)
	}
	late := g.accessLine(t, "/slow.php")
	for field, want := range map[string]any{"status": 429.0, "stage": "wait", "reason": "wait_timeout", "session": done["session"], "level": "warn"} {
		if late[field] != want {
			t.Errorf("%s = %v, want %v in %v", field, late[field], want, late)
		}
	}
	if wait, ok := late["wait"].(float64); !ok || wait < 300 {
		t.Errorf("wait = %v ms, want 300 or more", late["wait"])
	}
	no := g.accessLine(t, "/no")
	for field, want := range map[string]any{"status": 410.0, "stage": "decide", "reason": "rule", "rule": "no", "session": nil, "wait": nil, "hold": nil} {
		if no[field] != want {
			t.Errorf("%s = %v, want %v in %v", field, no[field], want, no)
		}
	}
}

func TestTheSessionIDIsNeitherLoggedNorMeasured(t *testing.T) {
	t.Parallel()
	const id = "verysecretsessionid"
	pool := startPHP(t, 4)
	g := startGate(t, inFrontOf(pool), "log: {level: debug, slow_wait: 1ms, slow_hold: 1ms}", "lock: {max_hold: 2s}",
		"upstream: {response_timeout: 1500ms}", "rules: [{name: mine, match: {session: true, path: [/counter.php]}, lock_group: mine}]")
	g.get(t, "/counter.php", id).want(t, 200)
	g.get(t, "/slow.php?ms=1800", id).wantRefusal(t, 504, "response_timeout")
	g.get(t, "/abort.php?when=start", id)
	g.get(t, "/stderr.php", id)
	g.get(t, "/release.php?ms=0", id)
	c := g.dial(t)
	c.ask(t, "GET", "/counter.php?PHPSESSID="+id, id, "Content-Length: x")
	c.awaitClosed(t)
	c = g.dial(t)
	c.ask(t, "GET", "/%zz", id)
	c.answer(t)
	g.awaitMetric(t, "in_flight", 0)
	_, metrics := g.adminPage(t, "/metrics")
	for name, text := range map[string]string{"log": g.log.String(), "metrics": metrics} {
		if strings.Contains(text, id) {
			t.Errorf("the %s has the session id:\n%s", name, text)
		}
	}
}

// What PHP says is found again by the request.
func TestErrorsOfPHPNameTheirRequest(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 1)))
	g.get(t, "/stderr.php?lines=1", "").want(t, 200)
	id := g.accessLine(t, "/stderr.php")["request_id"]
	if said := lineWith(g.log.String(), "php stderr"); id == "" || !strings.Contains(said, fmt.Sprintf(`"request_id":%q,"path":"/stderr.php"`, id)) {
		t.Errorf("of request %v: %s", id, said)
	}
}

func TestTheAccessLineOfAUnixClientNamesNoAddress(t *testing.T) {
	socket := filepath.Join(filepath.Dir(fpmtest.Socket(t)), "gate.sock")
	g := startGate(t, inFrontOf(startPHP(t, 2)), fmt.Sprintf("server: {listen: 'unix:%s'}", socket))
	g.get(t, "/trivial.php", "one").want(t, 200)
	if line := g.accessLine(t, "/trivial.php"); strings.Contains(fmt.Sprint(line["client"]), "invalid") {
		t.Errorf("client = %q", line["client"])
	}
}
