package demo

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// screen is where the story is told. Without a terminal it has 80 columns and
// no colours.
type screen struct {
	out     io.Writer
	failed  error // of the first write that failed; the story ends there
	width   int
	colours bool
}

func (s *screen) Write(b []byte) (int, error) {
	if s.failed != nil {
		return 0, s.failed
	}
	n, err := s.out.Write(b)
	if err != nil {
		s.failed = fmt.Errorf("nobody reads on: %w", err)
	}
	return n, s.failed
}

const (
	plainWidth = 80
	minWidth   = 40
)

func newScreen(w io.Writer) *screen {
	s := &screen{out: w, width: plainWidth}
	f, ok := w.(*os.File)
	if !ok {
		return s
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return s
	}
	if size.Col > 0 {
		s.width = max(int(size.Col), minWidth)
	}
	s.colours = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" // https://no-color.org
	return s
}

// The colours are of the sixteen that every theme defines.
const (
	bold   = "1"
	yellow = "33"
	green  = "32"
)

func (s *screen) colour(code, text string) string {
	if !s.colours || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *screen) paint(part rune, text string) string {
	if part == waiting {
		return s.colour(yellow, text)
	}
	return s.colour(green, text)
}
