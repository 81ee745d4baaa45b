package e2e

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is a client that speaks HTTP/2 frame by frame.
type frames struct {
	*http2.Framer
	conn    net.Conn
	encoded bytes.Buffer
	encoder *hpack.Encoder
	last    uint32 // the last stream
}

// dialFrames opens a connection and exchanges settings; window is how much each
// stream may send without being asked to go on, 0: HTTP/2's default.
func (g *gate) dialFrames(t *testing.T, window uint32) *frames {
	t.Helper()
	c := g.dialTLS(t, "h2")
	if p := c.Conn.(*tls.Conn).ConnectionState().NegotiatedProtocol; p != "h2" {
		t.Fatalf("negotiated %q", p)
	}
	f := &frames{Framer: http2.NewFramer(c.Conn, c.in), conn: c.Conn}
	f.encoder = hpack.NewEncoder(&f.encoded)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.write(t, http2.ClientPreface)
	var settings []http2.Setting
	if window > 0 {
		settings = append(settings, http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
	}
	if err := errors.Join(f.WriteSettings(settings...), f.WriteSettingsAck()); err != nil {
		t.Fatal(err)
	}
	return f
}

// header encodes a request's header; pairs are names and values.
func (f *frames) header(t *testing.T, method, path string, pairs ...string) []byte {
	t.Helper()
	f.encoded.Reset()
	pairs = append([]string{":method", method, ":scheme", "https", ":authority", "gate.test", ":path", path}, pairs...)
	for i := 0; i < len(pairs); i += 2 {
		if err := f.encoder.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]}); err != nil {
			t.Fatal(err)
		}
	}
	return f.encoded.Bytes()
}

// ask opens a stream; whole: without a body.
func (f *frames) ask(t *testing.T, whole bool, method, path string, pairs ...string) uint32 {
	t.Helper()
	if err := f.open(f.header(t, method, path, pairs...), whole); err != nil {
		t.Fatal(err)
	}
	return f.last
}

// open opens a stream with an encoded header, in as many frames as it takes.
func (f *frames) open(header []byte, whole bool) error {
	f.last += 2
	if f.last == 2 {
		f.last = 1
	}
	const largest = 16 << 10
	part := header[:min(len(header), largest)]
	header = header[len(part):]
	err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: f.last, BlockFragment: part, EndStream: whole, EndHeaders: len(header) == 0})
	for err == nil && len(header) > 0 {
		part = header[:min(len(header), largest)]
		header = header[len(part):]
		err = f.WriteContinuation(f.last, len(header) == 0, part)
	}
	return err
}

func (f *frames) reset(t *testing.T, stream uint32) {
	t.Helper()
	if err := f.WriteRSTStream(stream, http2.ErrCodeCancel); err != nil {
		t.Fatal(err)
	}
}

// streamEnd is how a stream or its connection ended.
type streamEnd struct {
	status string
	body   string
	whole  bool           // by END_STREAM
	reset  *http2.ErrCode // by RST_STREAM; after END_STREAM, too
	goAway *http2.ErrCode
	err    error // of the connection
}

// await reads frames until the stream has ended; with andReset until its reset
// has come as well.
func (f *frames) await(t *testing.T, stream uint32, andReset bool) (e streamEnd) {
	t.Helper()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			e.err = err
			return e
		}
		if away, ok := frame.(*http2.GoAwayFrame); ok {
			e.goAway = &away.ErrCode
			continue
		}
		if frame.Header().StreamID != stream {
			continue
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			e.status = frame.PseudoValue("status")
			e.whole = frame.StreamEnded()
		case *http2.DataFrame:
			e.body += string(frame.Data())
			e.whole = frame.StreamEnded()
		case *http2.RSTStreamFrame:
			e.reset = &frame.ErrCode
			return e
		}
		if e.whole && !andReset {
			return e
		}
	}
}

// want fails the test unless the stream brought a whole answer.
func (e streamEnd) want(t *testing.T, status string) streamEnd {
	t.Helper()
	if e.status != status || !e.whole || e.err != nil {
		t.Fatalf("got %+v, want a whole %s", e, status)
	}
	return e
}

// wantRefusal fails the test unless the gate refused for this reason.
func (e streamEnd) wantRefusal(t *testing.T, status, reason string) {
	t.Helper()
	if e.want(t, status); !strings.Contains(e.body, "reason: "+reason+"\n") {
		t.Fatalf("got %q, want the reason %s", e.body, reason)
	}
}

// awaitEnd reads until the gate closes the connection, and returns why.
func (f *frames) awaitEnd(t *testing.T) (why http2.ErrCode) {
	t.Helper()
	e := f.await(t, 1<<31-1, false)
	var timeout net.Error
	if errors.As(e.err, &timeout) && timeout.Timeout() {
		t.Fatal("the gate left the connection open")
	}
	if e.goAway == nil {
		return 0
	}
	return *e.goAway
}

// drainFrames throws away whatever comes, until the connection ends.
func (f *frames) drainFrames() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, f.conn)
	}()
	return done
}

// within lets the connection end by itself, not later than that.
func (f *frames) within(t *testing.T, d time.Duration) {
	t.Helper()
	if err := f.conn.SetDeadline(time.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
}
