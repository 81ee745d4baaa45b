// Package demo shows on a terminal what the gate is for, in a few seconds and
// with figures measured on the spot.
//
// A session sends many requests at once while a few other users browse: first
// through the proxy with locking off, then through the gate. Updates that were
// lost, what the others felt, and a timeline of each request are printed. Then
// everything stays up to be tried, until the context ends.
//
// What holds:
//   - The backend is a real php-fpm where there is one. Otherwise a small
//     server with a bounded pool of workers stands in, and every figure of it is
//     labelled as simulated.
//   - Nothing of the machine is used or changed: free ports of 127.0.0.1, a
//     socket and a scratch folder of its own, both gone when Run returns.
//   - What is printed was measured. No text takes an outcome for granted.
//
// It is no benchmark: client, gate and PHP share one machine, and the page's
// work is a wait. test/load measures.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Limits of what can be asked for. A session's line takes 64 requests unless
// the configuration says otherwise.
const (
	MaxRequests = 64
	MaxWorkers  = 100
)

// Options says what to show.
type Options struct {
	Out io.Writer // the story; a terminal gives width and colours
	Log io.Writer // what goes wrong in the gates

	Requests  int  // that the session sends at once; 2 to MaxRequests
	Workers   int  // of the backend; 1 to MaxWorkers
	Simulated bool // true: no php-fpm, even where there is one
	Once      bool // true: end after the figures

	Program string // how the reader calls this program, for the lines to try
	Version string
	PHPFPM  string // the php-fpm to run; "": the newest of this machine
}

// ErrInterrupted is returned when the context ended before the figures were
// there.
var ErrInterrupted = errors.New("interrupted before the figures were there")

// Run shows the demo. It returns when ctx ends or, with Once, after the
// figures; nothing it started is left then.
func Run(ctx context.Context, o Options) (err error) {
	s, err := prepare(ctx, o)
	if err != nil {
		return interrupted(ctx, err)
	}
	defer func() { err = errors.Join(err, s.close(context.WithoutCancel(ctx))) }()
	if err := s.compare(ctx); err != nil {
		return interrupted(ctx, err)
	}
	if o.Once {
		return nil
	}
	s.invite()
	if s.screen.failed != nil {
		return s.screen.failed
	}
	if err := s.gates.serve(ctx); err != nil {
		return err
	}
	s.say("\nEnded.\n")
	return nil
}

func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ErrInterrupted
	}
	return err
}

// stage is a demo under way: the backend, the gates in front of it, the traffic
// to send and the screen to show it on.
type stage struct {
	options  Options
	scenario scenario
	screen   *screen
	backend  *backend
	gates    *gates
}

func prepare(ctx context.Context, o Options) (*stage, error) {
	if o.Requests < 2 || o.Requests > MaxRequests {
		return nil, fmt.Errorf("requests: %d is not within 2 to %d", o.Requests, MaxRequests)
	}
	if o.Workers < 1 || o.Workers > MaxWorkers {
		return nil, fmt.Errorf("workers: %d is not within 1 to %d", o.Workers, MaxWorkers)
	}
	s := &stage{options: o, screen: newScreen(o.Out), scenario: scenario{
		requests: o.Requests, work: 150 * time.Millisecond,
		users: 4, page: 5 * time.Millisecond, every: 50 * time.Millisecond,
	}}
	var err error
	if s.backend, err = openBackend(ctx, o); err != nil {
		return nil, err
	}
	if s.gates, err = openGates(ctx, s.backend, o.Version, o.Log); err != nil {
		return nil, errors.Join(err, s.backend.close())
	}
	return s, nil
}

// close ends the backend first: what is under way in the gates then ends at
// once, however long it would have worked.
func (s *stage) close(ctx context.Context) error {
	return errors.Join(s.backend.close(), s.gates.close(ctx))
}

// compare measures before and after and shows both.
func (s *stage) compare(ctx context.Context) error {
	s.introduce()
	before, err := s.measure(ctx, "Without the lock: the same proxy with lock.mode: none", s.gates.direct.url())
	if err != nil {
		return fmt.Errorf("without the lock: %w", err)
	}
	after, err := s.measure(ctx, "Through the gate", s.gates.locked.url())
	if err != nil {
		return fmt.Errorf("through the gate: %w", err)
	}
	s.sumUp(before, after)
	return s.screen.failed
}

func (s *stage) measure(ctx context.Context, title, base string) (outcome, error) {
	got, err := s.scenario.measure(ctx, base)
	if err != nil {
		return got, err
	}
	s.show(title, got)
	return got, s.screen.failed
}
