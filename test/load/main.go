// Command load measures what the gate promises, in front of a real php-fpm.
//
//	load [flags] [measurement ...]
//
// Without a name it takes all measurements. Each one starts its own parts (a
// php-fpm pool of ten workers with unlocked sessions, a gate in a process of
// its own, what it is compared with) on free ports and in a scratch folder, and
// ends them by process id. What it prints last is a table for
// docs/benchmarks.md; the exit status is 1 where a bound is missed, and the
// figures beyond theirs stand on the standard error.
//
// What holds:
//   - A figure is a ratio of two medians that were taken in one run, in rounds
//     that take turns, or a count. What else the machine does hits both sides.
//     (A quick run takes the best of few rounds.)
//   - A figure is printed with its bound and the configuration it was taken with.
//   - An answer that is not the expected one fails the measurement: nothing is
//     measured that did not work.
//
// It measures no absolute speeds: those are the machine's. Correctness in
// detail is the business of test/e2e.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// measurement is one of the programs.
type measurement struct {
	name string
	what string
	// contrast marks a comparison with other programs, which a quick run leaves
	// out: it takes long, or needs what scripts/test-deps does not install.
	contrast bool
	take     func(context.Context, *stand) ([]figure, error)
}

var measurements = []measurement{
	{name: "order", what: "a burst of requests of one session, against one after another", take: order},
	{name: "order3", what: "order again, round robin over three gates on one Redis", take: orderSpread},
	{name: "order3-polled", what: "order3 again, with phpredis locking instead of the gates'", contrast: true, take: orderPolled},
	{name: "handover", what: "the turn of a session from one gate's store to another's, against rueidislock", take: handOver},
	{name: "rediscpu", what: "CPU that a request costs Redis, against nginx with a lock in Lua", contrast: true, take: redisCPU},
	{name: "roundtrips", what: "messages that a request waits for, commands of a request and of a burst", take: roundTrips},
	{name: "pool", what: "turns that go from gate to gate beside a crowd that waits, with two connections to Redis", take: poolOfTwo},
	{name: "restart", what: "Redis killed under load and started again, empty, in each failure mode", take: outage},
	{name: "crash", what: "gates that die or are halted while they hold a turn or wait for it", take: crash},
	{name: "torture", what: "counting on sessions while gates are killed and connections to Redis disturbed", take: torture},
	{name: "rolling", what: "two servers restarted in turn under load, in each way", take: rolling},
	{name: "abuse", what: "other sessions beside one that abuses", take: abuse},
	{name: "slowloris", what: "other sessions beside thousands of clients that send a byte every few seconds", take: slowloris},
	{name: "admission", what: "other clients beside fifty slow sessions of one, with and without bounds on slots", take: admission},
	{name: "crawler", what: "other clients beside a crawler without cookies, of one address and of many", take: crawl},
	{name: "unlocked", what: "abuse again, without any lock", contrast: true, take: unlocked},
	{name: "phpredis", what: "abuse again, with phpredis locking instead of the gate's", contrast: true, take: phpredis},
	{name: "reader", what: "the next page of a session whose client reads slowly", take: reader},
	{name: "relay", what: "an answer of 10 MB, against httputil.ReverseProxy", take: relay},
	{name: "streams", what: "WebSockets, event streams, 1 GB up and down: memory, disk, the session's other pages", take: streams},
	{name: "vanish", what: "a crowd of waiting clients that vanish at once", take: vanish},
	{name: "limits", what: "a limit by client under a flood of a million, and one that three share on one Redis", take: limits},
	{name: "cpu-http", what: "CPU a request as a plain HTTP proxy, against httputil.ReverseProxy", take: cpuHTTP},
	{name: "cpu-fastcgi", what: "CPU a request in front of PHP-FPM, against Caddy", contrast: true, take: cpuFastCGI},
}

var errMissed = errors.New("a bound is missed")

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.SetOutput(out)
	quick := flags.Bool("quick", false, "few rounds, of which the best counts, and loose bounds: one to two minutes in all")
	rounds := flags.Int("rounds", 0, "how often each side is measured; 0 is 9, or 3 with -quick")
	jsonFile := flags.String("json", "", "also write the figures to `file`")
	seed := flags.Uint64("seed", 0, "of what torture does at random; 0 is another one each time")
	profile := flags.String("profile", "", "also take CPU profiles of the gate, to files that begin with `prefix`")
	flags.Usage = func() { usage(flags) }
	if err := flags.Parse(args); err != nil {
		return err
	}
	p := fullPlan()
	if *quick {
		p = quickPlan()
	}
	if *rounds > 0 {
		p.rounds = *rounds
	}
	p.profile, p.seed = *profile, *seed
	chosen, err := choose(flags.Args(), *quick)
	if err != nil {
		return err
	}
	figures, err := takeAll(ctx, p, chosen, out)
	fmt.Fprintf(out, "\n%s, %s, %d processors, %d rounds\n\n", time.Now().UTC().Format(time.DateOnly), runtime.Version(), runtime.NumCPU(), p.rounds)
	printTable(out, figures)
	if *jsonFile != "" {
		err = errors.Join(err, writeJSON(*jsonFile, figures))
	}
	return errors.Join(err, missedOf(figures))
}

// missedOf names the figures beyond their bounds; nil where there is none.
func missedOf(figures []figure) error {
	var rows strings.Builder
	for _, f := range figures {
		if f.missed() {
			rows.WriteString("\n" + f.row())
		}
	}
	if rows.Len() == 0 {
		return nil
	}
	return fmt.Errorf("%w:%s", errMissed, rows.String())
}

// choose finds the measurements by name.
func choose(names []string, quick bool) ([]measurement, error) {
	if len(names) == 0 {
		return slices.DeleteFunc(slices.Clone(measurements), func(m measurement) bool { return quick && m.contrast }), nil
	}
	chosen := make([]measurement, len(names))
	for i, name := range names {
		at := slices.IndexFunc(measurements, func(m measurement) bool { return m.name == name })
		if at < 0 {
			return nil, fmt.Errorf("no measurement %q; there are %s", name, strings.Join(allNames(), ", "))
		}
		chosen[i] = measurements[at]
	}
	return chosen, nil
}

// takeAll takes the measurements one after another. What could not be taken is
// an error, and the others are taken all the same.
func takeAll(ctx context.Context, p plan, chosen []measurement, out io.Writer) ([]figure, error) {
	s, err := newStand(ctx, p, out)
	if err != nil {
		return nil, err
	}
	defer s.close()
	var figures []figure
	var failed []error
	for _, m := range chosen {
		if ctx.Err() != nil {
			break
		}
		taken, err := m.measure(ctx, s)
		if err == nil && p.quick && missedByTime(taken) {
			s.progress("once more: %s", missedOf(taken))
			taken, err = m.measure(ctx, s)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", m.name, err))
		}
		figures = append(figures, taken...)
	}
	return figures, errors.Join(append(failed, context.Cause(ctx))...)
}

func (m measurement) measure(ctx context.Context, s *stand) ([]figure, error) {
	fmt.Fprintf(s.out, "%s: %s\n", m.name, m.what)
	began := time.Now()
	taken, err := m.take(ctx, s)
	s.clear()
	s.progress("took %.1f s", time.Since(began).Seconds())
	return taken, err
}

// missedByTime reports whether figures are beyond their bounds, and each of
// them one that time goes into. What is broken is beyond them a second time; a
// count, such as of lost updates, is believed at once.
func missedByTime(figures []figure) bool {
	missed := slices.DeleteFunc(slices.Clone(figures), func(f figure) bool { return !f.missed() })
	return len(missed) > 0 && !slices.ContainsFunc(missed, func(f figure) bool { return !f.timed })
}

func allNames() []string {
	names := make([]string, len(measurements))
	for i, m := range measurements {
		names[i] = m.name
	}
	return names
}

func usage(flags *flag.FlagSet) {
	out := flags.Output()
	fmt.Fprint(out, "usage: load [flags] [measurement ...]\n\nMeasurements, all of them by default:\n")
	for _, m := range measurements {
		fmt.Fprintf(out, "  %-12s %s\n", m.name, m.what)
	}
	fmt.Fprint(out, "\nFlags:\n")
	flags.PrintDefaults()
}
