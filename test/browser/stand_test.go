//go:build browser

package browser

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/app"
	"github.com/sessiongate/sessiongate/internal/child"
	"github.com/sessiongate/sessiongate/internal/config"
)

// patience is how long a test waits for what must come; it takes a few seconds.
const patience = 60 * time.Second

// stand is a gate that refuses every request of the session while one of its
// requests runs, with a recorder between browser and gate.
type stand struct {
	gate  string // URL
	front string // URL of the recorder
	free  func() // ends the request that runs

	mu      sync.Mutex
	visits  []visit
	changed chan struct{} // closed at the next visit
}

// visit is one request for the page.
type visit struct {
	at         time.Time
	status     int
	retryAfter int
}

func newStand(t *testing.T) *stand {
	t.Helper()
	s := &stand{changed: make(chan struct{})}
	running, ended := make(chan struct{}), make(chan struct{})
	s.free = sync.OnceFunc(func() { close(ended) })
	t.Cleanup(s.free)
	mux := http.NewServeMux()
	mux.HandleFunc("/enter", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "PHPSESSID", Value: "one"})
		http.Redirect(w, r, "/page", http.StatusSeeOther)
	})
	mux.HandleFunc("/hold", func(http.ResponseWriter, *http.Request) { close(running); <-ended })
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<title>through</title>") })
	backend := httptest.NewServer(mux)
	t.Cleanup(backend.Close)
	s.gate, _ = startGate(t, backend.Listener.Addr().String(), "busy: reject")
	s.startRecorder(t)

	s.ask(t, "/page") // a short turn: from it the gate reckons how long one lasts
	var held sync.WaitGroup
	held.Go(func() { s.ask(t, "/hold") })
	t.Cleanup(held.Wait)
	t.Cleanup(s.free)
	<-running
	return s
}

// startGate runs a gate before a backend and returns its URL, and its admin's.
func startGate(t *testing.T, backend, lock string) (gate, admin string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "gate.yaml")
	text := fmt.Sprintf("server: {listen: '127.0.0.1:0', drain_delay: 0s}\nadmin: {listen: '127.0.0.1:0'}\nspool: {dir: %q}\nlock: {%s}\n"+
		"upstreams: [{name: app, protocol: http, servers: [{address: %q}]}]\n", dir, lock, backend)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := config.Load(config.Source{Path: file, Check: app.Check})
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(loaded, "browser", app.NewLogger(io.Discard, loaded.Log))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := a.Drain(ctx); err != nil {
			t.Error(err)
		}
		_ = a.Close()
	})
	return "http://" + a.Address().String(), "http://" + a.AdminAddress().String()
}

// startRecorder passes requests on to the gate and notes those for the page.
func (s *stand) startRecorder(t *testing.T) {
	t.Helper()
	target, err := url.Parse(s.gate)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(resp *http.Response) error {
			if resp.Request.URL.Path == "/page" {
				s.record(resp)
			}
			return nil
		},
	}
	front := httptest.NewServer(proxy)
	t.Cleanup(func() {
		front.Close()
		transport.CloseIdleConnections()
	})
	s.front = front.URL
}

func (s *stand) record(resp *http.Response) {
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // "": 0
	s.mu.Lock()
	defer s.mu.Unlock()
	s.visits = append(s.visits, visit{at: time.Now(), status: resp.StatusCode, retryAfter: seconds})
	close(s.changed)
	s.changed = make(chan struct{})
}

// await returns the visits when there are so many.
func (s *stand) await(t *testing.T, n int) []visit {
	t.Helper()
	limit := time.After(patience)
	for {
		s.mu.Lock()
		visits, changed := s.visits, s.changed
		s.mu.Unlock()
		if len(visits) >= n {
			return visits
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("the browser came %d times, want %d: %v", len(visits), n, visits)
		}
	}
}

// ask makes a request of the session, past the recorder.
func (s *stand) ask(t *testing.T, path string) {
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, s.gate+path, nil)
	if err != nil {
		t.Error(err)
		return
	}
	req.Header.Set("Cookie", "PHPSESSID=one")
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	_ = resp.Body.Close()
}

// browse opens an address in a browser, until the test ends.
func browse(t *testing.T, address string, options ...string) *child.Child {
	t.Helper()
	options = append(options, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
		"--user-data-dir="+t.TempDir(), "--enable-logging=stderr", "--remote-debugging-port=0", address)
	c, err := child.Start(browserPath(t), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c
}

func browserPath(t *testing.T) string {
	t.Helper()
	names := []string{"chromium-headless-shell", "chromium", "google-chrome"}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("there is none of %s; make browser installs one", strings.Join(names, ", "))
	return ""
}
