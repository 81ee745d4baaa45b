package demo

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWithoutATerminalThereAreEightyColumnsAndNoColours(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, s := range []*screen{newScreen(&bytes.Buffer{}), newScreen(file)} {
		if s.width != 80 || s.colours {
			t.Errorf("width %d, colours %v", s.width, s.colours)
		}
		if got := s.paint(waiting, "***"); got != "***" {
			t.Errorf("painted: %q", got)
		}
	}
}

func TestTerminalGivesWidthAndColours(t *testing.T) {
	for _, tc := range []struct {
		name          string
		columns, want int
		noColor, term string
		colours       bool
	}{
		{"wide", 132, 132, "", "xterm", true},
		{"too narrow to draw", 10, minWidth, "", "xterm", true},
		{"unknown width", 0, 80, "", "xterm", true},
		{"NO_COLOR", 80, 80, "1", "xterm", false},
		{"dumb", 80, 80, "", "dumb", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("NO_COLOR", tc.noColor)
			t.Setenv("TERM", tc.term)
			s := newScreen(terminal(t, tc.columns))
			if s.width != tc.want || s.colours != tc.colours {
				t.Errorf("width %d, colours %v; want %d, %v", s.width, s.colours, tc.want, tc.colours)
			}
			if painted := s.paint(running, "=") != "="; painted != tc.colours {
				t.Errorf("painted: %v", painted)
			}
		})
	}
}

// terminal opens a pseudo-terminal of so many columns.
func terminal(t *testing.T, columns int) *os.File {
	t.Helper()
	file, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	size := &unix.Winsize{Row: 24, Col: uint16(columns)}
	if err := unix.IoctlSetWinsize(int(file.Fd()), unix.TIOCSWINSZ, size); err != nil {
		t.Fatal(err)
	}
	return file
}
