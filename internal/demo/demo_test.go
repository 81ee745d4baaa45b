package demo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// options are those of a short demo. Scratch folders go to one of the test's,
// which must be empty at its end.
func options(t *testing.T, out *bytes.Buffer) Options {
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
	})
	return Options{Out: out, Log: testLog{t}, Requests: 12, Workers: 4, Once: true, Program: "sessiongate", Version: "test"}
}

type testLog struct{ t *testing.T }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Logf("%s", b)
	return len(b), nil
}

func open(t *testing.T, o Options) *stage {
	t.Helper()
	s, err := prepare(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, s) })
	return s
}

func end(t *testing.T, s *stage) {
	t.Helper()
	if err := s.close(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestUpdatesAreLostWithoutTheLockAndNoneThroughTheGate(t *testing.T) {
	for _, simulated := range []bool{false, true} {
		t.Run(map[bool]string{false: "php-fpm", true: "simulated"}[simulated], func(t *testing.T) {
			o := options(t, new(bytes.Buffer))
			o.Simulated = simulated
			s := open(t, o)
			if s.backend.simulated() != simulated {
				t.Fatalf("backend %s: %s; make test installs php-fpm", s.backend.name, s.backend.note)
			}
			slowDown(t, s)
			before := measured(t, s, s.gates.direct)
			after := measured(t, s, s.gates.locked)

			if before.lost <= 0 {
				t.Errorf("without the lock %d updates were lost, want some", before.lost)
			}
			if after.lost != 0 {
				t.Errorf("through the gate %d updates were lost", after.lost)
			}
			slow, _ := before.felt()
			fast, _ := after.felt()
			if fast >= slow {
				t.Errorf("others' median: %v through the gate, %v without", fast, slow)
			}
			if without, through := overlap(before.session, s.scenario.work), overlap(after.session, s.scenario.work); !without || through {
				t.Errorf("requests of the session that ran at once: %v without the lock, %v through the gate", without, through)
			}
		})
	}
}

// slowDown has the session's pages work for much longer than a page takes here when
// nobody else asks, and the others ask less often than they can be answered: what
// they wait for is then a worker, and not a busy machine.
func slowDown(t *testing.T, s *stage) {
	t.Helper()
	traffic := newTraffic(t.Context(), s.gates.direct.url())
	defer traffic.close()
	traffic.start = time.Now()
	var took []time.Duration
	for range 15 {
		v, _ := traffic.visit("nobody else", s.scenario.page)
		took = append(took, v.ended-v.sent)
	}
	if err := traffic.failed(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(took)
	alone := took[len(took)/2]
	s.scenario.work = min(max(60*time.Millisecond, 10*alone), time.Second) // all of them within lock.wait_timeout
	s.scenario.every = max(s.scenario.every, 4*alone*time.Duration(s.scenario.users))
}

func measured(t *testing.T, s *stage, g *gate) outcome {
	t.Helper()
	o, err := s.scenario.measure(t.Context(), g.url())
	if err != nil {
		t.Fatal(err)
	}
	if len(o.session) != s.scenario.requests {
		t.Fatalf("%d requests, want %d", len(o.session), s.scenario.requests)
	}
	return o
}

// overlap says whether one began while another worked: the work is the least
// time that a request runs.
func overlap(visits []visit, work time.Duration) bool {
	for i, a := range visits {
		for _, b := range visits[i+1:] {
			if (a.began - b.began).Abs() < work*5/6 {
				return true
			}
		}
	}
	return false
}

func TestRunTellsTheWholeStory(t *testing.T) {
	var out bytes.Buffer
	o := options(t, &out)
	o.Requests = 5
	if err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"php-fpm", "request  5", "other    4", "***", "===", "updates lost", "none of 5"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nothing of %q in\n%s", want, &out)
		}
	}
	if strings.Contains(strings.ToLower(out.String()), "simulated") {
		t.Errorf("figures of php-fpm are called simulated:\n%s", &out)
	}
}

func TestPHPFPMThatDoesNotStartIsReplacedAndTheReasonSaid(t *testing.T) {
	var out bytes.Buffer
	o := options(t, &out)
	o.Requests = 2
	folder := t.TempDir()
	o.PHPFPM = filepath.Join(folder, "php-fpm")
	if err := os.WriteFile(o.PHPFPM, []byte("#!/bin/sh\necho out of cheese >&2\nexit 70\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"out of cheese", "SIMULATED", "Before and after (simulated)", "Through the gate (simulated)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nothing of %q in\n%s", want, &out)
		}
	}
}

func TestInterruptedDemoLeavesNothingBehind(t *testing.T) {
	t.Run("before php-fpm runs", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Run(ctx, options(t, new(bytes.Buffer))); !errors.Is(err, ErrInterrupted) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("in the middle of a measurement", func(t *testing.T) {
		s := open(t, options(t, new(bytes.Buffer)))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s.scenario.work = visitLimit
		go func() {
			for metric(t, s.gates.locked.adminURL(), "sessiongate_waiting") == "0" {
			}
			cancel()
		}()
		if _, err := s.scenario.measure(ctx, s.gates.locked.url()); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestOutputThatNobodyReadsEndsTheDemo(t *testing.T) {
	o := options(t, new(bytes.Buffer))
	r, w := io.Pipe()
	r.Close()
	o.Out, o.Once = w, false
	if err := Run(t.Context(), o); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func TestEndDoesNotWaitForRequestsUnderWay(t *testing.T) {
	for _, simulated := range []bool{false, true} {
		t.Run(map[bool]string{false: "php-fpm", true: "simulated"}[simulated], func(t *testing.T) {
			o := options(t, new(bytes.Buffer))
			o.Simulated = simulated
			s, err := prepare(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			traffic := newTraffic(t.Context(), s.gates.locked.url())
			defer traffic.close()
			var asking sync.WaitGroup
			defer asking.Wait()
			for range 2 {
				asking.Go(func() { traffic.visit("id", maxWork) })
			}
			for metric(t, s.gates.locked.adminURL(), "sessiongate_waiting") == "0" {
			}
			began := time.Now()
			end(t, s)
			if took := time.Since(began); took >= maxWork {
				t.Errorf("took %v", took)
			}
			asking.Wait()
			if traffic.failed() == nil {
				t.Error("a request that was cut off counts as answered")
			}
		})
	}
}

// metric reads a metric without labels; "" is none.
func metric(t *testing.T, admin, name string) string {
	t.Helper()
	for line := range strings.SplitSeq(fetch(t, admin+"/metrics"), "\n") {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return value
		}
	}
	t.Errorf("no metric %s", name)
	return ""
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Error(err)
	}
	return body.String()
}

func TestPagesWriteNoFileThatTheQueryNames(t *testing.T) {
	s := open(t, options(t, new(bytes.Buffer)))
	target := filepath.Join(os.TempDir(), "written")
	for _, name := range []string{target, "written.php"} {
		fetch(t, s.gates.locked.url()+"/counter.php?id=x&journal="+name)
	}
	err := filepath.WalkDir(os.TempDir(), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasPrefix(filepath.Base(path), "written") {
			t.Errorf("written: %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestScratchFolderIsClosedToOtherUsers(t *testing.T) {
	open(t, options(t, new(bytes.Buffer)))
	found, err := filepath.Glob(filepath.Join(os.TempDir(), "sessiongate-demo-*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("scratch folders: %v, %v", found, err)
	}
	info, err := os.Stat(found[0])
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestWhatCannotBeShownIsRefused(t *testing.T) {
	for _, tc := range []struct {
		requests, workers int
		want              string
	}{
		{1, 10, "requests: 1 is not within 2 to 64"},
		{65, 10, "requests: 65 is not"},
		{2, 0, "workers: 0 is not within 1 to 100"},
		{2, 101, "workers: 101 is not"},
	} {
		o := options(t, new(bytes.Buffer))
		o.Requests, o.Workers = tc.requests, tc.workers
		if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %q", err, tc.want)
		}
	}
}
