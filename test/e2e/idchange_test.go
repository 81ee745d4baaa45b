package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// idOf is the session id that an answer sets; "" is none.
func (a answer) idOf(t *testing.T) string {
	t.Helper()
	for _, line := range a.header["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		if c.Name == "PHPSESSID" {
			return c.Value
		}
	}
	return ""
}

// logIn has a session log in at one gate while requests of it wait at all gates,
// and returns the new id and what became of those that waited.
func logIn(t *testing.T, gates []*gate) (old, id string, waited []answer) {
	t.Helper()
	j, end := newJournal(t), newBarrier(t)
	old = gates[0].get(t, "/login.php", "").want(t, 200).idOf(t)
	in := gates[0].start(t, end.pageOf("login", j, "in", "user=ada"), old)
	j.await(t, "begin in")
	var waiting []<-chan answer
	for _, g := range gates {
		get := request(t, http.MethodGet, "/login.php?a=1&b", old, nil)
		post := request(t, http.MethodPost, "/login.php", old, strings.NewReader("body"))
		for n, req := range []*http.Request{get, post} {
			waiting = append(waiting, g.send(req))
			g.awaitMetric(t, "waiting", float64(n+1))
		}
		g.settle(t)
	}
	end.lift(t)
	id = receive(t, in).want(t, 200).idOf(t)
	if id == "" || id == old {
		t.Fatalf("the log-in has changed the id %q to %q", old, id)
	}
	for _, done := range waiting {
		waited = append(waited, receive(t, done))
	}
	return old, id, waited
}

// What waits while a log-in gives its session another id comes again with that, at
// whichever gate it waits.
func TestWhatWaitsForALogInComesAgainWithTheNewID(t *testing.T) {
	gates := startGates(t, 4, "lock: {on_id_change: redirect}")
	old, id, waited := logIn(t, gates)
	for i, a := range waited {
		want := []string{"./login.php?a=1&b", "./login.php"}[i%2]
		if got := a.want(t, http.StatusTemporaryRedirect).header.Get("Location"); got != want {
			t.Errorf("redirected to %q, want %q", got, want)
		}
		if set := a.idOf(t); set != "" {
			t.Errorf("the redirect sets the id %q", set)
		}
	}
	if n := sum(t, gates, `refused_total{reason="id_changed"}`); n != 6 {
		t.Errorf("%v counted", n)
	}
	for _, g := range gates {
		if got := g.get(t, "/login.php", id).want(t, 200).body; got != "ada\n" {
			t.Errorf("with the new id: %q", got)
		}
	}
	if got := gates[1].get(t, "/login.php", old).want(t, 200); got.body != "nobody\n" {
		t.Errorf("with the old id: %q", got.body)
	}
}

// Without that PHP gives each of them a fresh id, which logs the browser out.
func TestWhatWaitsForALogInRunsUnderTheOldIDUnlessToldOtherwise(t *testing.T) {
	_, id, waited := logIn(t, startGates(t, 4))
	for _, a := range waited {
		if set := a.want(t, 200).idOf(t); a.body != "nobody\n" || set == "" || set == id {
			t.Errorf("%q with the id %q", a.body, set)
		}
	}
}
