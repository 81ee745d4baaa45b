package session

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
)

var (
	seedFlag    = flag.Uint64("session.seed", 0, "seed of the generated Cookie headers; 0: a new one each time")
	headersFlag = flag.Int("session.headers", 4000, "number of Cookie headers to compare with PHP")
)

// sessionNames are values of session.name, some of which PHP can never find.
var sessionNames = []string{"PHPSESSID", "my_app_", "__Host-s", "__Secure-s_1", "sess-id", "_", "S", "my.app", "a b", "a[b"}

// TestAgreesWithPHP sends generated Cookie headers to a real php-fpm and holds
// ID to what session_id() says there.
func TestAgreesWithPHP(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d (repeat with -session.seed)", seed)

	const workers = 4
	php := startPHP(t, workers)
	var found atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(w)))
			for range *headersFlag / workers {
				name := sessionNames[random.IntN(len(sessionNames))]
				if random.IntN(2) == 0 {
					name = sessionNames[0]
				}
				if php.compare(t, name, generator{random, name}.lines()) {
					found.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if part := found.Load() * 100 / int64(*headersFlag); part < 25 || part > 75 {
		t.Errorf("%d %% of the headers name a session: they no longer try both outcomes", part)
	}
}

// TestTableAgreesWithPHP keeps the table of TestCookieIsReadAsPHPReadsIt true.
func TestTableAgreesWithPHP(t *testing.T) {
	php := startPHP(t, 1)
	for _, tt := range cookieTable {
		php.compare(t, tt.sessionName(), tt.lines)
	}
}

type phpPool struct{ socket, page string }

func startPHP(t *testing.T, workers int) phpPool {
	t.Helper()
	page, err := filepath.Abs(filepath.Join("testdata", "sessionid.php"))
	if err != nil {
		t.Fatal(err)
	}
	pool := fpmtest.StartUnlocked(t, fpm.Options{ // a handler that takes any id
		Workers: workers,
		Socket:  fpmtest.Socket(t),
		Ini:     map[string]string{"session.use_strict_mode": "0", "session.gc_probability": "0"},
	})
	return phpPool{strings.TrimPrefix(pool.Address(), "unix:"), page}
}

// compare asks PHP and the gate which session these lines name, and reports
// whether they name one. PHP joins what
// the gate is given as lines: see Source.ID.
func (p phpPool) compare(t *testing.T, name string, lines []string) (found bool) {
	t.Helper()
	theirs, err := p.sessionID(name, strings.Join(lines, "; "))
	if err != nil {
		t.Errorf("PHP, session.name %q, Cookie %q: %v", name, lines, err)
		return false
	}
	ours, ok := Source{Cookie: name}.ID(http.Header{"Cookie": lines})
	agree := ours == theirs && ok == (theirs != "")
	// Taken on purpose: max_input_vars may be higher elsewhere.
	beyond := theirs == "" && tooMany(lines)
	if !agree && !beyond {
		t.Errorf("session.name %q, Cookie %q: PHP says %q, the gate %q", name, lines, theirs, ours)
	}
	return theirs != ""
}

func tooMany(lines []string) bool {
	return strings.Count(strings.Join(lines, ";"), ";") >= 1000
}

// sessionID is PHP's id up to a NUL byte, or "" where PHP began a new session.
func (p phpPool) sessionID(name, cookie string) (string, error) {
	h, body, err := askPHP(p.socket, map[string]string{
		"REQUEST_METHOD":  "GET",
		"SCRIPT_FILENAME": p.page,
		"HTTP_COOKIE":     cookie,
		"PHP_VALUE":       fmt.Sprintf("session.name=%q", name), // PHP_VALUE is read as php.ini is
	})
	switch {
	case err != nil:
		return "", err
	case h.Get("X-Session-Name") != url.PathEscape(name), len(body) == 0:
		return "", fmt.Errorf("unexpected answer: %v %q", h, body)
	case h.Get("X-Session-Named") == "no":
		return "", nil
	}
	return string(body), nil
}
