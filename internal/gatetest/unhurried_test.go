package gatetest

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// judged takes a verdict in a test's place.
type judged struct {
	testing.TB
	failed bool
}

func (j *judged) Helper()               {}
func (j *judged) Logf(string, ...any)   {}
func (j *judged) Fatalf(string, ...any) { j.failed = true }

func TestUnhurriedTriesAgainOnlyWhereTheMachineStoodStill(t *testing.T) {
	const first = time.Second
	for name, tc := range map[string]struct {
		pause  time.Duration
		passes time.Duration // the least time-out with which it does
		tried  []time.Duration
		failed bool
	}{
		"it holds":                    {0, first, []time.Duration{first}, false},
		"the machine goes on":         {first / 100, 2 * first, []time.Duration{first}, true},
		"the machine stands still":    {first / 2, 4 * first, []time.Duration{first, 2 * first, 4 * first}, false},
		"it never holds":              {2 * first, 100 * first, []time.Duration{first, 2 * first, 4 * first, 8 * first}, true},
		"a pause too short to matter": {first / 15, 8 * first, []time.Duration{first, 2 * first}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var tried []time.Duration
			j := &judged{TB: t}
			unhurried(j, first, func(timeout time.Duration) error {
				tried = append(tried, timeout)
				if timeout < tc.passes {
					return errors.New("too short")
				}
				return nil
			}, func(time.Time) time.Duration { return tc.pause })
			if !slices.Equal(tried, tc.tried) || j.failed != tc.failed {
				t.Errorf("tried with %v, failed %v; want %v, %v", tried, j.failed, tc.tried, tc.failed)
			}
		})
	}
}
