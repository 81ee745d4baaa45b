package demo

import (
	"fmt"
	"strings"
	"time"
)

// introduce says what is about to be measured.
func (s *stage) introduce() {
	sc := s.scenario
	s.say("sessiongate demo\n\n")
	if s.backend.simulated() {
		s.say("SIMULATED: there is no PHP behind these figures. Reason:\n%s\n\n", indent(s.backend.note))
	}
	s.say("Backend:      %s, %d workers, sessions not locked.\n", s.backend.name, s.options.Workers)
	s.say("One session:  %d requests at once; each reads its session, works %d ms, writes it.\n", sc.requests, sc.work.Milliseconds())
	s.say("%d others:     each asks for a page of %d ms every %d ms.\n", sc.users, sc.page.Milliseconds(), sc.every.Milliseconds())
	s.say("Read lines as %s waiting, %s running; of the others, the slowest page each.\n",
		s.screen.paint(waiting, "***"), s.screen.paint(running, "==="))
}

// show draws one measurement.
func (s *stage) show(title string, o outcome) {
	s.say("\n%s%s\n", s.screen.colour(bold, title), s.label())
	bars := make([]bar, 0, len(o.session)+len(o.users))
	for i, v := range o.session {
		bars = append(bars, bar{fmt.Sprintf("request %2d", i+1), v})
	}
	for i, visits := range o.users {
		if v, ok := slowest(visits); ok {
			bars = append(bars, bar{fmt.Sprintf("other   %2d", i+1), v})
		}
	}
	// The last column stays free: some terminals wrap at it.
	drawTimeline(s.screen, s.screen.width-1, bars, s.screen.paint)
}

// sumUp sets both measurements side by side.
func (s *stage) sumUp(before, after outcome) {
	s.say("\n%s%s\n", s.screen.colour(bold, "Before and after"), s.label())
	row := func(what, before, after string) { s.say("%-30s %16s %16s\n", what, before, after) }
	median0, worst0 := before.felt()
	median1, worst1 := after.felt()
	row("", "without the lock", "through the gate")
	row("updates lost", s.lost(before), s.lost(after))
	row("others' pages, median", inMS(median0), inMS(median1))
	row("others' pages, worst", inMS(worst0), inMS(worst1))
	row("the session's requests, all", inMS(before.took()), inMS(after.took()))
}

// invite says where everything listens and what to try.
func (s *stage) invite() {
	direct, locked, admin := s.gates.direct.url(), s.gates.locked.url(), s.gates.locked.adminURL()
	s.say("\n%s (Ctrl-C ends it all)%s\n", s.screen.colour(bold, "Still running"), s.label())
	s.say("  through the gate  %s\n  without the lock  %s\n  metrics           %s/metrics\n", locked, direct, admin)
	s.say("\nFive requests of one session: they count up by one, half a second apart:\n")
	s.say("  %s\n", burstLine(locked, "me"))
	s.say("The same without the lock: all at once, and they count the same:\n")
	s.say("  %s\n", burstLine(direct, "you"))
	s.say("What the gate counted:\n  curl -s %s/metrics | grep -E '^sessiongate_(requests|wait_seconds_(sum|count)|waiting)'\n", admin)
	s.say("\nIn front of your own PHP-FPM:\n  %s serve --fastcgi %s --root /var/www/html\n", s.options.Program, ownPool())
}

// burstLine is a line for any shell. The parentheses keep it from talking
// about jobs.
func burstLine(base, session string) string {
	return fmt.Sprintf("(for i in 1 2 3 4 5; do curl -s -b %s=%s '%s/counter.php?ms=500' & done; wait)", cookieName, session, base)
}

func (s *stage) lost(o outcome) string {
	if o.lost == 0 {
		return fmt.Sprintf("none of %d", len(o.session))
	}
	return fmt.Sprintf("%d of %d", o.lost, len(o.session))
}

// label stands wherever figures are shown.
func (s *stage) label() string {
	if s.backend.simulated() {
		return " (simulated)"
	}
	return ""
}

func (s *stage) say(format string, args ...any) { fmt.Fprintf(s.screen, format, args...) }

func inMS(d time.Duration) string {
	return fmt.Sprintf("%.0f ms", float64(d.Microseconds())/1000)
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}
