package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func demoCommand(ctx context.Context, out, log io.Writer, args ...string) error {
	root := newRoot()
	root.SetArgs(append([]string{"demo"}, args...))
	root.SetOut(out)
	root.SetErr(log)
	return root.ExecuteContext(ctx)
}

func emptyAtEnd(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sg-") // short: t.TempDir with a long test name has no room for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
		os.RemoveAll(dir)
		goleak.VerifyNone(t)
	})
}

func TestDemoStaysUpWithWhatItNamesUntilItIsInterrupted(t *testing.T) {
	for _, backend := range []string{"--simulated=false", "--simulated"} {
		t.Run(backend, func(t *testing.T) {
			emptyAtEnd(t)
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			out, story := io.Pipe()
			var log bytes.Buffer
			ended := make(chan error, 1)
			go func() {
				err := demoCommand(ctx, story, &log, backend, "--requests", "3", "--workers", "2")
				story.CloseWithError(err)
				ended <- err
			}()
			told := readTo(t, out, "serve --fastcgi")
			if simulated := strings.Contains(told, "SIMULATED"); simulated != (backend == "--simulated") {
				t.Errorf("simulated: %v; make test installs php-fpm\n%s", simulated, told)
			}
			go io.Copy(io.Discard, out)
			// As when the gate writes to a client that has left.
			if err := syscall.Kill(os.Getpid(), syscall.SIGPIPE); err != nil {
				t.Fatal(err)
			}
			urls := regexp.MustCompile(`http://[^\s']+`).FindAllString(told, -1)
			if len(urls) < 6 { // two gates, metrics, three lines to try
				t.Errorf("addresses %v in\n%s", urls, told)
			}
			for _, url := range urls {
				if strings.HasSuffix(url, "/counter.php?ms=500") || strings.HasSuffix(url, "/metrics") {
					answers(t, url)
				}
			}
			interrupt()
			if err := <-ended; err != nil {
				t.Errorf("ended with %v", err)
			}
			if log.Len() > 0 {
				t.Errorf("logged:\n%s", &log)
			}
			for _, url := range urls {
				if resp, err := http.Get(url); err == nil {
					resp.Body.Close()
					t.Errorf("%s still answers", url)
				}
			}
		})
	}
}

// readTo returns what is written up to the line with the words.
func readTo(t *testing.T, r io.Reader, words string) string {
	t.Helper()
	var told strings.Builder
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		told.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), words) {
			return told.String()
		}
	}
	t.Fatalf("ended without %q (%v):\n%s", words, lines.Err(), &told)
	return ""
}

func answers(t *testing.T, url string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", url, resp.Status)
	}
}

func TestDemoEndsAfterTheFigures(t *testing.T) {
	emptyAtEnd(t)
	var out, log bytes.Buffer
	if err := demoCommand(t.Context(), &out, &log, "--exit", "--requests", "2"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "updates lost") || strings.Contains(out.String(), "Ctrl-C") || log.Len() > 0 {
		t.Errorf("told\n%slogged\n%s", &out, &log)
	}
}

func TestDemoRefusesNumbersThatItCannotShow(t *testing.T) {
	for _, args := range [][]string{{"--requests", "1"}, {"--requests", "many"}, {"--workers", "0"}, {"now"}} {
		var out, log bytes.Buffer
		if code := Main(append([]string{"demo"}, args...), &out, &log); code != exitUsage {
			t.Errorf("%v: exit code %d", args, code)
		}
		if !strings.Contains(log.String(), "sessiongate demo --help") || out.Len() > 0 {
			t.Errorf("%v: told %q, said %q", args, &out, &log)
		}
	}
}
