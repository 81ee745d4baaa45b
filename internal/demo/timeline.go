package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// bar is one line of a timeline.
type bar struct {
	label string
	visit visit
}

// The two parts of a bar.
const (
	waiting = '*'
	running = '='
)

// minScale is the fewest columns that a timeline's scale is drawn in.
const minScale = 20

// drawTimeline draws one line a bar on a common scale, within width columns.
// paint colours a part; it must not change its width on the screen.
func drawTimeline(w io.Writer, width int, bars []bar, paint func(part rune, text string) string) {
	var labels int
	var end time.Duration
	for _, b := range bars {
		labels = max(labels, len(b.label))
		end = max(end, b.visit.ended)
	}
	columns := max(width-labels-2, minScale)
	right := fmt.Sprintf("%.2f s", end.Seconds())
	fmt.Fprintf(w, "%*s  0%*s\n", labels, "", columns-1, right)
	for _, b := range bars {
		gap, wait, run := b.visit.columns(columns, end)
		fmt.Fprintf(w, "%-*s  %s%s%s\n", labels, b.label, strings.Repeat(" ", gap),
			paint(waiting, strings.Repeat(string(waiting), wait)), paint(running, strings.Repeat(string(running), run)))
	}
}

// columns says how many columns lie before a visit, and how many it waits and
// runs. However short it was, it runs in one.
func (v visit) columns(columns int, end time.Duration) (gap, wait, run int) {
	at := func(t time.Duration) int {
		if end <= 0 {
			return 0
		}
		return int(float64(columns)*t.Seconds()/end.Seconds() + 0.5)
	}
	began := min(at(v.began), columns-1)
	gap = min(at(v.sent), began)
	return gap, began - gap, max(at(v.ended)-began, 1)
}
