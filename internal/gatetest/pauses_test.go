package gatetest

import (
	"os/exec"
	"testing"
	"testing/synctest"
	"time"
)

// TestAHaltIsAPause has this process halted for a fifth of a second.
func TestAHaltIsAPause(t *testing.T) {
	pauses := WatchPauses()
	defer pauses.Stop()
	began := time.Now()
	if out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", "kill -STOP $PPID; sleep 0.2; kill -CONT $PPID").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if all, longest := pauses.Since(began); longest < 100*time.Millisecond || all < longest {
		t.Errorf("the longest pause was %v, all were %v", longest, all)
	}
	if all, _ := pauses.Since(time.Now().Add(time.Minute)); all != 0 {
		t.Errorf("of a time to come: %v", all)
	}
}

func TestAProcessThatGoesOnHasNoPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pauses := WatchPauses()
		defer pauses.Stop()
		began := time.Now()
		time.Sleep(time.Second)
		if all, longest := pauses.Since(began); all != 0 || longest != 0 {
			t.Errorf("all %v, longest %v", all, longest)
		}
	})
}

func TestOnlyThePartOfAPauseCountsThatIsAsked(t *testing.T) {
	const ms = time.Millisecond
	start := time.Now()
	p := &Pauses{last: start}
	for _, at := range []time.Duration{100 * ms, 105 * ms, 300 * ms} { // pauses of 95, 0 and 190 ms
		p.goOn(start.Add(at))
	}
	p.last = time.Now().Add(time.Hour) // nothing is late from now on
	for _, tc := range []struct{ since, all, longest time.Duration }{
		{0, 285 * ms, 190 * ms}, {50 * ms, 240 * ms, 190 * ms}, {105 * ms, 190 * ms, 190 * ms}, {200 * ms, 100 * ms, 100 * ms}, {300 * ms, 0, 0},
	} {
		all, longest := p.Since(start.Add(tc.since))
		if all != tc.all || longest != tc.longest {
			t.Errorf("since %v: %v, %v", tc.since, all, longest)
		}
	}
}
