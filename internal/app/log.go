package app

import (
	"io"
	"time"

	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/config"
)

// NewLogger writes to out as the configuration says. Durations are in
// milliseconds, times in UTC with milliseconds.
func NewLogger(out io.Writer, c config.Log) zerolog.Logger {
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00"
	zerolog.TimestampFunc = func() time.Time { return time.Now().UTC() }
	zerolog.DurationFieldUnit = time.Millisecond
	if c.Format == config.FormatConsole {
		out = zerolog.ConsoleWriter{Out: out, TimeFormat: "15:04:05.000"}
	}
	level, err := zerolog.ParseLevel(string(c.Level))
	if err != nil {
		level = zerolog.InfoLevel // config has checked it
	}
	return zerolog.New(out).Level(level).With().Timestamp().Logger()
}
