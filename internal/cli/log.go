package cli

import (
	"context"
	"fmt"
	"io"
	stdlog "log"
	"time"

	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/app"
	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/internal/logbuffer"
)

const (
	// logSize is how many bytes of the log wait for their reader: three thousand
	// access lines, and in a pipe 64 KiB more.
	logSize = 1 << 20
	// logEndTime is how long the end waits for what has not been written.
	logEndTime = time.Second
)

// serveLog is the log of a gate that serves: nobody waits for its reader.
type serveLog struct {
	zerolog.Logger
	lines *logbuffer.Writer
}

// openLog begins a log. It takes the lines of packages that know no other log, too.
func openLog(out io.Writer, c config.Log) *serveLog {
	l := &serveLog{lines: logbuffer.New(out, logbuffer.Options{Size: logSize, Dropped: func(out io.Writer, lines int) {
		log := app.NewLogger(out, c)
		log.Error().Int("lines", lines).Msg("log lines were dropped: their reader was too slow, or they could not be written")
	}})}
	l.Logger = app.NewLogger(l.lines, c)
	stdlog.SetFlags(0)
	stdlog.SetOutput(l.Logger)
	return l
}

// close writes what is left. Where it cannot there is nobody to be told.
func (l *serveLog) close() { closeLines(l.lines) }

// complain says why a command has failed, and does not wait for a reader either.
func complain(stderr io.Writer, err error) {
	lines := logbuffer.New(stderr, logbuffer.Options{Size: logSize})
	_, _ = fmt.Fprintln(lines, "sessiongate:", err)
	closeLines(lines)
}

func closeLines(lines *logbuffer.Writer) {
	ctx, cancel := context.WithTimeout(context.Background(), logEndTime)
	defer cancel()
	_ = lines.Close(ctx)
}
