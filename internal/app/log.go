package app

import (
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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
	if buffered, ok := out.(interface{ Unwrap() io.Writer }); ok {
		out = buffered.Unwrap()
	}
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// NewLogger writes to out in the form that the configuration says. The level is
// an App's: it may change while it runs. Durations are in milliseconds, times in
// UTC with milliseconds.
func NewLogger(out io.Writer, c config.Log) zerolog.Logger {
	formatOnce()
	if c.Format == config.FormatConsole {
		out = zerolog.ConsoleWriter{Out: out, TimeFormat: "15:04:05.000", NoColor: !isTerminal(out)}
	}
	return zerolog.New(out).With().Timestamp().Logger()
}

// CountDroppedLines makes a metric of how many lines of the log its writer has
// dropped so far. It is for before Start.
func (a *App) CountDroppedLines(dropped func() uint64) {
	a.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "sessiongate", Name: "log_dropped_lines_total", Help: "Lines of the log that were dropped because its reader was too slow, or could not be written.",
	}, func() float64 { return float64(dropped()) }))
}

// logLevel is the least level that is logged. It may be changed at any time.
type logLevel struct{ least atomic.Int32 }

func (l *logLevel) set(c config.LogLevel) {
	level, err := zerolog.ParseLevel(string(c))
	if err != nil {
		level = zerolog.InfoLevel // config has checked it
	}
	l.least.Store(int32(level))
}

// of returns the logger with the level. What is below it costs nothing, but where
// somebody samples the logger further: then it is thrown away at the end.
func (l *logLevel) of(log zerolog.Logger) zerolog.Logger { return log.Hook(l).Sample(l) }

// Sample implements zerolog.Sampler.
func (l *logLevel) Sample(at zerolog.Level) bool { return at >= zerolog.Level(l.least.Load()) }

// Run implements zerolog.Hook.
func (l *logLevel) Run(e *zerolog.Event, at zerolog.Level, _ string) {
	if !l.Sample(at) {
		e.Discard()
	}
}
