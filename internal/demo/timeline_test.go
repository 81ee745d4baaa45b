package demo

import (
	"strings"
	"testing"
	"time"
)

func plain(_ rune, text string) string { return text }

func TestVisitIsDrawnToScale(t *testing.T) {
	const s = time.Second
	for _, tc := range []struct {
		name  string
		visit visit
		want  string
	}{
		{"runs at once, all the time", visit{0, 0, 10 * s}, "===================="},
		{"waits, then runs", visit{0, 5 * s, 10 * s}, "**********=========="},
		{"comes late", visit{5 * s, 6 * s, 8 * s}, "          **===="},
		{"too short to be seen", visit{5 * s, 5*s + 1, 5*s + 2}, "          ="},
		{"too short, at the very end", visit{10 * s, 10 * s, 10 * s}, "                   ="},
		{"waits to the end", visit{0, 10 * s, 10 * s}, "*******************="},
	} {
		t.Run(tc.name, func(t *testing.T) {
			gap, wait, run := tc.visit.columns(20, 10*s)
			got := strings.Repeat(" ", gap) + strings.Repeat("*", wait) + strings.Repeat("=", run)
			if got != tc.want {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

func TestTimelineFillsTheWidthAndNoMore(t *testing.T) {
	bars := []bar{
		{"a", visit{0, 0, time.Second}},
		{"long label", visit{0, time.Second, 2 * time.Second}},
	}
	const want = "" +
		"            0             2.00 s\n" +
		"a           ==========\n" +
		"long label  **********==========\n"
	var out strings.Builder
	drawTimeline(&out, 32, bars, plain)
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}

func TestTimelineOfNothingAndOfNoTimeAreDrawn(t *testing.T) {
	for name, bars := range map[string][]bar{"no bars": nil, "no time": {{"a", visit{}}}} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			drawTimeline(&out, 0, bars, plain)
			if got := strings.Count(out.String(), "\n"); got != 1+len(bars) {
				t.Errorf("%d lines:\n%s", got, &out)
			}
		})
	}
}
