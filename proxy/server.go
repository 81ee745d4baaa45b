package proxy

import (
	"bytes"
	stdlog "log"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// ServerLimits are the bounds that net/http itself keeps. 0 is no limit, but
// for MaxHeaderSize, where it is net/http's 1 MiB.
type ServerLimits struct {
	ReadHeaderTimeout time.Duration
	IdleTimeout       time.Duration // between two requests of a connection
	MaxHeaderSize     int           // bytes; 431 beyond
}

// NewServer returns a server that faces clients with every bound set. Bodies
// and answers have no deadline of their own here: the stages spool and relay
// judge them by their progress.
func NewServer(h http.Handler, l ServerLimits, log zerolog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: l.ReadHeaderTimeout,
		IdleTimeout:       l.IdleTimeout,
		MaxHeaderBytes:    l.MaxHeaderSize,
		ConnContext:       rememberConn,
		ConnState:         forgetDeadline,
		ErrorLog:          stdlog.New(errorLog{log}, "", 0),
	}
}

// forgetDeadline lifts the write deadline that the last answer left on the
// connection: the next one may come much later.
func forgetDeadline(c net.Conn, s http.ConnState) {
	if s == http.StateIdle {
		_ = c.SetWriteDeadline(time.Time{}) // a closed connection needs none
	}
}

// errorLog takes what net/http has to say.
type errorLog struct{ log zerolog.Logger }

func (e errorLog) Write(line []byte) (int, error) {
	e.log.Warn().Bytes("detail", bytes.TrimSpace(line)).Msg("http server")
	return len(line), nil
}
