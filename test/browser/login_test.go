//go:build browser

package browser

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// logIns is how often the browser logs in.
const logIns = 30

// logInPage logs in while three other requests of the session wait, again and
// again, and sends what they got.
const logInPage = `<script>
(async () => {
  let got = '';
  for (let round = 0; round < %d; round++) {
    await fetch('/enter');
    const logIn = fetch('/login', {method: 'POST'});
    await fetch('/running', {credentials: 'omit'}); // a session's request would wait
    const polls = [{}, {method: 'POST', body: 'kept'}, {}].map((init, n) => fetch('/poll?n=' + n, init).then((r) => r.text()));
    for (const poll of polls) got += await poll + ' ';
    await logIn;
    got += await (await fetch('/poll')).text() + '\n';
  }
  await fetch('/report', {method: 'POST', body: got, credentials: 'omit'});
})();
</script>`

// strictSite has sessions as PHP has in strict mode: it takes no id that it does
// not know, and makes up another.
type strictSite struct {
	running chan struct{} // for each log-in that runs
	queue   chan func()   // has one that returns when three requests wait
	report  chan string

	mu    sync.Mutex
	made  int
	users map[string]string // by id
}

// begin sets an id that nobody had before.
func (s *strictSite) begin(w http.ResponseWriter, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	id := fmt.Sprint("id", s.made)
	s.users[id] = user
	http.SetCookie(w, &http.Cookie{Name: "PHPSESSID", Value: id, Path: "/"})
}

// user is who the session's user is; where there is no such session it begins one.
func (s *strictSite) user(w http.ResponseWriter, r *http.Request) string {
	if cookie, err := r.Cookie("PHPSESSID"); err == nil {
		s.mu.Lock()
		user, known := s.users[cookie.Value]
		s.mu.Unlock()
		if known {
			return user
		}
	}
	s.begin(w, "nobody")
	return "nobody"
}

func (s *strictSite) logIn(w http.ResponseWriter, r *http.Request) {
	s.user(w, r)
	s.running <- struct{}{}
	queued := <-s.queue
	queued()
	s.queue <- queued
	if cookie, err := r.Cookie("PHPSESSID"); err == nil {
		s.mu.Lock()
		delete(s.users, cookie.Value)
		s.mu.Unlock()
	}
	s.begin(w, "ada")
}

func (s *strictSite) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, logInPage, logIns) })
	mux.HandleFunc("/enter", func(w http.ResponseWriter, _ *http.Request) { s.begin(w, "nobody") })
	mux.HandleFunc("/login", s.logIn)
	mux.HandleFunc("/running", func(http.ResponseWriter, *http.Request) { <-s.running })
	mux.HandleFunc("/poll", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, s.user(w, r), string(body))
	})
	mux.HandleFunc("/report", func(_ http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		s.report <- string(got)
	})
	return mux
}

// The browser has the new id before it follows the redirect, and keeps method and
// body: it stays logged in.
func TestWhatWaitsForALogInComesWithTheNewID(t *testing.T) {
	t.Parallel()
	s := &strictSite{running: make(chan struct{}, 1), queue: make(chan func(), 1), report: make(chan string, 1), users: make(map[string]string)}
	backend := httptest.NewServer(s.handler())
	t.Cleanup(backend.Close)
	gate, admin := startGate(t, backend.Listener.Addr().String(), "on_id_change: redirect")
	s.queue <- func() { awaitWaiting(t, admin, 3) }
	browse(t, gate+"/")
	select {
	case got := <-s.report:
		if want := strings.Repeat("ada adakept ada ada\n", logIns); got != want {
			t.Errorf("got\n%s", got)
		}
	case <-time.After(patience):
		t.Fatal("the browser has not come to the end")
	}
}

// awaitWaiting returns when so many requests wait in the gate.
func awaitWaiting(t *testing.T, admin string, n int) {
	want := fmt.Sprintf("\nsessiongate_waiting %d\n", n)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		resp, err := http.Get(admin + "/metrics")
		if err != nil {
			t.Error(err)
			return
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || strings.Contains(string(text), want) {
			return
		}
	}
	t.Errorf("there are never %d that wait", n)
}
