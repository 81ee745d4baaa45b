package apps

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/config"
)

// startSymfony puts a gate in front of the application of testdata/symfony, made
// with Debian's packages. It believes whoever connects what the forwarding headers
// say, as it is often set up in containers.
func startSymfony(t *testing.T, flags ...config.Flag) (s *site, root string) {
	t.Helper()
	const bundle = "/usr/share/php/Symfony/Bundle/SecurityBundle/autoload.php"
	if _, err := os.Stat(bundle); err != nil {
		t.Fatalf("%v; install php-symfony-framework-bundle, php-symfony-security-bundle and php-symfony-security-csrf: make test does", err)
	}
	root, err := filepath.Abs("testdata/symfony/public")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"APP_CACHE": t.TempDir(), "PASSWORD": password, "TRUSTED_PROXIES": "REMOTE_ADDR"}
	return start(t, "symfony.yaml", root, env, flags...), root
}

// logIn fills in the form of the log-in.
func (v *visitor) logIn() page {
	v.Helper()
	in := v.submit(v.get("/login"), "id", "login", map[string]string{"_username": "editor", "_password": password})
	if in.url.Path != "/account" || in.paragraph("user") != "editor" {
		v.Fatalf("not logged in: %s\n%s", in.url, in.text)
	}
	return in
}

// paragraph is the text of the paragraph with an id.
func (p page) paragraph(id string) string {
	if node := p.find("p", "id", id); node != nil {
		return textOf(node)
	}
	return ""
}

func TestSymfonyBehindTheGate(t *testing.T) {
	s, root := startSymfony(t)
	v := s.visitor(t)

	// A page that does not need the session does not start one.
	first := v.get("/")
	if v.cookie("PHPSESSID") != "" {
		t.Errorf("%s has started a session", first.url)
	}
	s.wantAssets(t, v, first, root)

	// A log-in gives the session another id, so that nobody can have planted it.
	v.get("/login")
	before := v.cookie("PHPSESSID")
	v.logIn()
	if after := v.cookie("PHPSESSID"); before == "" || after == "" || before == after {
		t.Errorf("session %q became %q", before, after)
	}

	// Each page adds to what the one before it has left in the session.
	var targets, want []string
	for i := range 20 {
		targets = append(targets, fmt.Sprintf("/account?seen=p%d", i))
		want = append(want, fmt.Sprintf("p%d", i))
	}
	pages := s.inOrder(t, v, targets)
	if got := pages[len(pages)-1].paragraph("notes"); got != strings.Join(want, " ") {
		t.Errorf("notes %q, want %q", got, want)
	}

	// A form with a token against forgery, sent by a method of which HTML knows
	// nothing; a redirect; and a word that is shown once.
	noted := v.submit(v.get("/account"), "id", "note", map[string]string{"text": "by the gate"})
	if noted.url.String() != host+"/account" || noted.paragraph("flash") != "Noted" || !strings.HasSuffix(noted.paragraph("notes"), "p19 PUT:by the gate") {
		t.Errorf("%s:\n%s", noted.url, noted.text)
	}
	if again := v.get("/account"); again.paragraph("flash") != "" {
		t.Errorf("said twice: %s", again.text)
	}
	forged, err := v.send(v.request(http.MethodPost, "/account/note", url.Values{"_token": {"forged"}, "text": {"no"}}))
	if err != nil || forged.status != http.StatusForbidden {
		t.Errorf("a forged form: %d, %v", forged.status, err)
	}

	if out := v.get("/logout"); out.url.Path != "/" || v.cookie("PHPSESSID") != "" {
		t.Errorf("%s, session %q", out.url, v.cookie("PHPSESSID"))
	}
	if closed := v.get("/account"); closed.url.Path != "/login" {
		t.Errorf("whoever is logged out may see %s", closed.url)
	}
	s.wantStage(t, "/account", "done")
}

// slowLogIn sends the form of the log-in, whose page waits for lift; seen is what
// it leads to. It returns when PHP runs it.
func (v *visitor) slowLogIn(s *site) (seen <-chan page, lift func()) {
	v.Helper()
	fields := fieldsOf(v.get("/login").find("form", "id", "login"))
	fields.Set("_username", "editor")
	fields.Set("_password", password)
	lifted := filepath.Join(v.TempDir(), "lifted")
	seen = v.start(v.request(http.MethodPost, "/login", fields, "X-Test-Label", "log-in", "X-Test-Until", lifted))
	eventually(v.T, "the log-in runs", func() bool { return slices.Contains(s.words(v.T), "begin log-in") })
	return seen, func() {
		if err := os.WriteFile(lifted, nil, 0o644); err != nil {
			v.Fatal(err)
		}
	}
}

// queue asks for a page that waits in line, as the nth.
func (v *visitor) queue(s *site, nth int, req *http.Request) <-chan page {
	v.Helper()
	seen := v.start(req)
	eventually(v.T, "a page in line", func() bool { return s.waiting(v.T) == float64(nth) })
	return seen
}

// What waits while a log-in gives the session another id has come under the old
// one: it must see nothing of the log-in, which somebody may have planted that id
// for. It may ask again, with whatever it has.
func TestSymfonyShowsNothingOfALogInUnderTheOldSession(t *testing.T) {
	for _, then := range []string{"redirect", "forward"} {
		t.Run(then, func(t *testing.T) {
			s, _ := startSymfony(t, onIDChange(then))
			v, late := s.visitor(t), s.visitor(t)
			v.get("/login")
			old := v.cookie("PHPSESSID")
			seen, lift := v.slowLogIn(s)
			waited := late.queue(s, 1, late.request(http.MethodGet, "/account", nil, "Cookie", "PHPSESSID="+old))
			lift()
			in, out := <-seen, <-waited
			if t.Failed() {
				return
			}
			if in.paragraph("user") != "editor" || v.cookie("PHPSESSID") == old {
				t.Errorf("not logged in:\n%s", in.text)
			}
			if out.find("form", "id", "login") == nil {
				t.Errorf("what waited under the old session shows\n%s", out.text)
			}
			if out := late.get("/account"); out.url.Path != "/login" {
				t.Errorf("who has waited may see %s", out.url)
			}
		})
	}
}

func onIDChange(then string) config.Flag {
	return config.Flag{Name: "--on-id-change", Path: "lock.on_id_change", Value: then}
}

// Other tabs ask for something while the log-in runs: what PHP makes of the old id
// must not log the browser out again.
func TestSymfonyStaysLoggedInWhateverWaitsForTheLogIn(t *testing.T) {
	s, _ := startSymfony(t) // with the sample's on_id_change
	v := s.visitor(t)
	seen, lift := v.slowLogIn(s)
	tab := v.anotherTab()
	var redirects []<-chan page
	for n := range 2 {
		redirects = append(redirects, tab.queue(s, n+1, tab.request(http.MethodGet, "/account", nil)))
	}
	lift()
	if p := <-seen; t.Failed() || p.paragraph("user") != "editor" {
		t.Fatalf("not logged in:\n%s", p.text)
	}
	for _, redirect := range redirects {
		r := <-redirect
		if t.Failed() || r.status != http.StatusTemporaryRedirect {
			t.Fatalf("%d, want to ask again", r.status)
		}
		again, err := r.url.Parse(r.header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		if p := tab.get(again.String()); p.paragraph("user") != "editor" || again.Path != "/account" {
			t.Errorf("%s shows\n%s", again, p.text)
		}
	}
	if p := v.get("/account"); p.paragraph("user") != "editor" {
		t.Errorf("logged out: %s", p.url)
	}
}

func TestSymfonySendsFilesAndStreams(t *testing.T) {
	s, root := startSymfony(t)
	v := s.visitor(t)
	if got := v.get("/stream").text; got != "part 0\npart 1\npart 2\n" {
		t.Errorf("streamed %q", got)
	}
	content, err := os.ReadFile(filepath.Join(root, "..", "src", "Pages.php"))
	if err != nil {
		t.Fatal(err)
	}
	// With trust the application lets the server send the file, where that says
	// it can (X-Sendfile-Type). The gate has not said so, and nobody else may.
	for _, target := range []string{"/download", "/download?trust=1"} {
		for _, c := range []struct {
			name, value string
			status      int
			want        string
		}{
			{"Accept", "*/*", http.StatusOK, string(content)},
			{"Range", "bytes=2-4", http.StatusPartialContent, "php"},
			{"X-Sendfile-Type", "X-Accel-Redirect", http.StatusOK, string(content)},
			{"X-Sendfile-Type", "X-Sendfile", http.StatusOK, string(content)},
		} {
			p, err := v.send(v.request(http.MethodGet, target, nil, c.name, c.value, "X-Accel-Mapping", root+"=/secret"))
			if err != nil || p.status != c.status || p.text != c.want {
				t.Errorf("%s, %s: %s: %d, %d bytes, %v", target, c.name, c.value, p.status, len(p.text), err)
			}
		}
	}
}

func TestSymfonyKnowsWhereItsVisitorsAre(t *testing.T) {
	nobody := []string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.test", "X-Forwarded-Port", "8443"}
	s, _ := startSymfony(t)
	s.wantPlace(t, nobody, place{Home: "http://gate.test/", Client: "127.0.0.1"})

	s, _ = startSymfony(t, config.Flag{Path: "server.trusted_proxies", Value: "127.0.0.0/8"})
	shop := place{Home: "https://shop.example/", Client: "203.0.113.9", Secure: true}
	s.wantPlace(t, []string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "shop.example"}, shop)
	s.wantPlace(t, []string{"X-Forwarded-For", "203.0.113.9, 127.0.0.8", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "shop.example"}, shop)
	s.wantPlace(t, []string{"Forwarded", "for=203.0.113.9;proto=https;host=shop.example"}, shop)
	shop.Home = "https://gate.test:8443/"
	s.wantPlace(t, []string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https", "X-Forwarded-Port", "8443"}, shop)
}

// place is how Symfony sees the way that a request has come.
type place struct {
	Home   string // the absolute URL of the front page
	Client string
	Secure bool
}

// wantPlace asks with some headers, and fails the test unless Symfony sees a place
// as it should be: in the URLs that it makes, and in whether its cookie is for TLS
// only.
func (s *site) wantPlace(t *testing.T, header []string, want place) {
	t.Helper()
	v := s.visitor(t)
	p, err := v.send(v.request(http.MethodGet, "/urls", nil, header...))
	if err != nil || p.status != http.StatusOK {
		t.Fatalf("%q: %d, %v\n%s", header, p.status, err, p.text)
	}
	var got place
	if err := json.Unmarshal([]byte(p.text), &got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("%q: %+v, want %+v", header, got, want)
	}
	if cookie := p.header.Get("Set-Cookie"); cookie == "" || strings.Contains(cookie, "secure") != want.Secure {
		t.Errorf("%q: cookie %q", header, cookie)
	}
}
