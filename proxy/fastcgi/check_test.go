package fastcgi

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
)

func TestChecksAskPHPFPMItselfOrAScript(t *testing.T) {
	pool := fpmtest.Start(t, fpm.Options{PingPath: "/fpm-ping", StatusPath: "/fpm-status"})
	php := newClient(t, Options{Address: pool.Address(), Root: pool.Root(), ConnectTimeout: 20 * time.Second})
	for path, want := range map[string]string{
		"":              "",
		"/fpm-ping":     "",
		"/fpm-status":   "",
		"/trivial.php":  "",
		"/none.php":     "/none.php: status 404, want 200 to 399",
		"/no/such/ping": "/no/such/ping: status 40",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		err := php.Check(ctx, path)
		cancel()
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
	}
	pool.Kill()
	for _, path := range []string{"", "/fpm-ping"} {
		if err := php.Check(t.Context(), path); err == nil {
			t.Errorf("%q: a pool that is dead is well", path)
		}
	}
}

func TestAnAnswerThatIsNotWholeIsNotWell(t *testing.T) {
	php := serve(t, Options{}, answer(stdout(okHeader))) // and no end
	if err := php.Check(t.Context(), "/ping"); err == nil {
		t.Error("an answer that breaks off is well")
	}
	php = serve(t, Options{}, answer(stdout("no header\r\n\r\n"), ended(0)))
	if err := php.Check(t.Context(), "/ping"); err == nil {
		t.Error("an answer that is none is well")
	}
}
