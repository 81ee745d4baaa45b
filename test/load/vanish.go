package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	vanishSessions = 20
	vanishBody     = 100 << 10 // more than spool.body_memory: such a request has a file in the spool
)

// vanishing is the scene of the measurement.
type vanishing struct {
	*gate
	config  gateConfig
	spool   string // folder
	journal string // file in which the page says when it begins and ends
	ended   string // file for which the page waits
}

// vanish has a crowd of clients wait in 20 lines, cuts all their connections in
// one moment, and looks at what is left of them: in the gate, in its spool
// folder, and on the way to PHP.
func vanish(ctx context.Context, s *stand) ([]figure, error) {
	v, err := s.newVanishing(ctx)
	if err != nil {
		return nil, err
	}
	before, err := v.metrics(ctx)
	if err != nil {
		return nil, err
	}
	clients, err := v.gather(ctx, s.plan.clients)
	if err != nil {
		return nil, err
	}
	crowded, err := v.metrics(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	for i, c := range clients {
		c.vanish(i%2 == 0)
	}
	if err := v.noneWaits(ctx); err != nil {
		return nil, err
	}
	noticed := time.Since(began)
	if err := v.endPages(); err != nil {
		return nil, err
	}
	after, settled, err := v.settle(ctx, before)
	if err != nil {
		return nil, err
	}
	leftovers, err := v.left(before, after)
	if err != nil {
		return nil, err
	}
	if len(leftovers) > 0 {
		v.explain(ctx, s.out)
	}
	reached := v.marks("begin")
	s.progress("waiting %.0f, goroutines %.0f, open files %.0f; none waits after %s; %s after PHP's pages ended, left: %v", crowded["sessiongate_waiting"],
		crowded["go_goroutines"], crowded["process_open_fds"], noticed.Round(time.Millisecond), settled.Round(time.Millisecond), leftovers)
	with := fmt.Sprintf("%d clients in %d sessions, half of them with a body of 100 KiB; %s", s.plan.clients, vanishSessions, v.config.said())
	return []figure{
		held("vanish: goroutines, tickets, slots, temporary files left", float64(len(leftovers)), 0,
			fmt.Sprintf("kinds; none waits after %.2f s, at rest %.2f s after PHP's pages could end", noticed.Seconds(), settled.Seconds()), with),
		held("vanish: requests that reached PHP", float64(reached), vanishSessions,
			fmt.Sprintf("of %d; one of each session had its turn", len(clients)), with),
	}, nil
}

func (s *stand) newVanishing(ctx context.Context) (*vanishing, error) {
	pool, err := s.startPHP(ctx, nil)
	if err != nil {
		return nil, err
	}
	v := &vanishing{
		config: gateConfig{
			server: "max_uploading: 0, max_uploading_per_client: 0",
			// They all come from one address, and the first wait until the last has come.
			lock: "max_waiting_per_client: 0, wait_timeout: 100s",
		},
		spool:   filepath.Join(s.dir, "spool"),
		journal: filepath.Join(s.dir, "journal"),
		ended:   filepath.Join(s.dir, "ended"),
	}
	if err := os.MkdirAll(v.spool, 0o700); err != nil {
		return nil, err
	}
	config := v.config
	config.spool = fmt.Sprintf("dir: %q", v.spool)
	config.upstream = phpUpstream(pool)
	if v.gate, err = s.startGate(ctx, config); err != nil {
		return nil, err
	}
	// What the gate keeps for use again (goroutines, up to a bound) is no
	// leftover: more requests at once than there will be turns bring it about.
	const n = 3 * vanishSessions
	before := crowd{clients: n, requests: n, path: "/slow.php?ms=100", answer: "ok\n", cookies: true}
	if err := before.run(ctx, v.address); err != nil {
		return nil, err
	}
	return v, v.idle(ctx)
}

// gather connects the clients and returns when the gate has taken in all of
// them, with their bodies: they wait, but for those that have their turn.
func (v *vanishing) gather(ctx context.Context, n int) ([]*connection, error) {
	clients, err := dialEach(ctx, v.address, n)
	if err != nil {
		return nil, err
	}
	sessions := make([]string, vanishSessions)
	for i := range sessions {
		sessions[i] = newSession()
	}
	path := "/journal.php?until=" + v.ended + "&journal=" + v.journal
	body := strings.Repeat("x", vanishBody)
	for i, c := range clients {
		request := get(path, sessions[i%len(sessions)])
		if i/len(sessions)%2 == 1 {
			request = post(path, sessions[i%len(sessions)], body)
		}
		if err := c.send(request); err != nil {
			closeEach(clients)
			return nil, err
		}
	}
	err = until(ctx, func() bool {
		m, err := v.metrics(ctx)
		return err == nil && int(m["sessiongate_waiting"]) == n-vanishSessions
	})
	if err != nil {
		closeEach(clients)
		return nil, fmt.Errorf("the clients do not come to wait: %w", err)
	}
	return clients, nil
}

// noneWaits returns when the gate has taken all who left out of the lines.
func (v *vanishing) noneWaits(ctx context.Context) error {
	err := until(ctx, func() bool {
		m, err := v.metrics(ctx)
		return err == nil && m["sessiongate_waiting"] == 0
	})
	if err != nil {
		return fmt.Errorf("clients that have left still wait: %w", err)
	}
	return nil
}

// endPages lets the pages end that PHP runs, and those that wait for PHP.
func (v *vanishing) endPages() error { return os.WriteFile(v.ended, nil, 0o600) }

// settle waits until nothing is left of the clients, or until it has waited for
// long enough, and returns how long that took.
func (v *vanishing) settle(ctx context.Context, before map[string]float64) (after map[string]float64, took time.Duration, err error) {
	began := time.Now()
	_ = until(ctx, func() bool { // what is left then is the figure
		after, err = v.metrics(ctx)
		if err != nil {
			return false
		}
		leftovers, err := v.left(before, after)
		return err == nil && len(leftovers) == 0
	})
	return after, time.Since(began), err
}

// left names what is there after the clients have gone and was not before.
func (v *vanishing) left(before, after map[string]float64) ([]string, error) {
	var left []string
	for _, name := range []string{
		"go_goroutines", "process_open_fds", "sessiongate_in_flight", "sessiongate_waiting", "sessiongate_sessions",
		"sessiongate_uploading", "sessiongate_spool_memory_bytes", "sessiongate_spool_disk_bytes",
	} {
		if more := after[name] - before[name]; more > 0 {
			left = append(left, fmt.Sprintf("%s %+.0f", name, more))
		}
	}
	files, err := os.ReadDir(v.spool)
	if len(files) > 0 {
		left = append(left, fmt.Sprintf("%d files", len(files)))
	}
	return left, err
}

// explain prints what the gate's goroutines are doing.
func (v *vanishing) explain(ctx context.Context, out io.Writer) {
	stacks, err := v.ask(ctx, "/debug/pprof/goroutine?debug=1")
	if err != nil {
		fmt.Fprintln(out, err)
		return
	}
	defer stacks.Close()
	_, _ = io.Copy(out, stacks)
}

// marks counts a word in the page's journal.
func (v *vanishing) marks(word string) int { return marks(v.journal, word) }

// marks counts a word in a journal that the sample pages write.
func marks(journal, word string) int {
	written, err := os.ReadFile(journal)
	if err != nil {
		return 0 // no page has written yet
	}
	return strings.Count("\n"+string(written), "\n"+word+" ")
}
