package proxy

import (
	"bytes"
	stdlog "log"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// ServerLimits are the bounds that net/http itself keeps. 0 is no limit, but
// for MaxHeaderSize, where it is net/http's 1 MiB.
type ServerLimits struct {
	ReadHeaderTimeout time.Duration // of the TLS handshake, too; over HTTP/2 a header has IdleTimeout
	BodyIdleTimeout   time.Duration // of bodies that the gate does not see; the others have their own
	WriteIdleTimeout  time.Duration // of a whole connection over HTTP/2; answers have their own
	IdleTimeout       time.Duration // between two requests of a connection
	MaxHeaderSize     int           // bytes; 431 beyond
	// HTTP2Error, if set, is told of what clients do against HTTP/2 in a word
	// of net/http's, of which there are some dozens.
	HTTP2Error func(what string)
}

// The bounds of one HTTP/2 connection. net/http's own are larger: they would
// let each of thousands of connections take megabytes.
const (
	// maxStreams is how many requests of a connection run or wait at once. RFC
	// 9113, section 6.5.2, advises against less. What a client has reset counts
	// until its handler has returned; with four times as many in line behind that
	// the connection is closed (ENHANCE_YOUR_CALM).
	maxStreams = 100
	// maxFrame is the least that HTTP/2 allows. A frame is read whole into a
	// buffer that the connection keeps.
	maxFrame = 16 << 10
	// maxUnread is how much of all bodies of a connection is taken in before
	// somebody reads it: 2.5 MB/s of upload with 100 ms from here to the client and
	// back.
	maxUnread = 256 << 10
	// maxTable is what header compression remembers, each way: HTTP/2's default.
	maxTable = 4 << 10
)

func http2Limits(l ServerLimits) *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams:          maxStreams,
		MaxReadFrameSize:              maxFrame,
		MaxReceiveBufferPerConnection: maxUnread,
		MaxReceiveBufferPerStream:     maxUnread,
		MaxDecoderHeaderTableSize:     maxTable,
		MaxEncoderHeaderTableSize:     maxTable,
		// No PINGs of ours. Together they would bound the time of a header that does not
		// come to its end (which IdleTimeout does, when no stream is open), but the
		// answer to one stands behind all that a slow line still has to take, and
		// these are not to be cut off.
		//
		// A stream's own deadline resets the stream, for which a frame has to be
		// written: not enough where the connection takes nothing any more.
		WriteByteTimeout: l.WriteIdleTimeout,
		CountError:       l.HTTP2Error,
	}
}

// NewServer returns a server that faces clients with every bound set. Bodies
// and answers have no deadline of their own here: the stages spool and relay
// judge them by their progress. With a TLSConfig it speaks HTTP/2, too.
func NewServer(h http.Handler, l ServerLimits, log zerolog.Logger) *http.Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &http.Server{
		Handler:           front{h},
		ReadHeaderTimeout: l.ReadHeaderTimeout,
		IdleTimeout:       l.IdleTimeout,
		MaxHeaderBytes:    l.MaxHeaderSize,
		Protocols:         protocols,
		HTTP2:             http2Limits(l),
		ConnContext:       rememberConn,
		ConnState:         l.connState,
		// Its answer leaves the connection open, whatever the request's framing is.
		DisableGeneralOptionsHandler: true,

		ErrorLog: stdlog.New(errorLog{log.Sample(&zerolog.BurstSampler{Burst: 5, Period: time.Second})}, "", 0),
	}
}

// errorLog takes what net/http has to say. It is sampled: each connection that
// is no TLS, or breaks the rules of HTTP/2, has a line.
type errorLog struct{ log zerolog.Logger }

func (e errorLog) Write(line []byte) (int, error) {
	e.log.Warn().Bytes("detail", bytes.TrimSpace(line)).Msg("http server")
	return len(line), nil
}
