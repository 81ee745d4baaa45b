package app

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/config"
)

// formatOnce sets what zerolog has for the whole process only.
var formatOnce = sync.OnceFunc(func() {
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00"
	zerolog.TimestampFunc = func() time.Time { return time.Now().UTC() }
	zerolog.DurationFieldUnit = time.Millisecond
})

// isTerminal says whether somebody watches, rather than a file or a pipe.
func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// NewLogger writes to out as the configuration says. Durations are in
// milliseconds, times in UTC with milliseconds.
func NewLogger(out io.Writer, c config.Log) zerolog.Logger {
	formatOnce()
	if c.Format == config.FormatConsole {
		out = zerolog.ConsoleWriter{Out: out, TimeFormat: "15:04:05.000", NoColor: !isTerminal(out)}
	}
	level, err := zerolog.ParseLevel(string(c.Level))
	if err != nil {
		level = zerolog.InfoLevel // config has checked it
	}
	return zerolog.New(out).Level(level).With().Timestamp().Logger()
}
