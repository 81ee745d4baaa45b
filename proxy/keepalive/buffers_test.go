package keepalive

import (
	"io"
	"strings"
	"testing"
)

// Buffers change hands when an answer has ended: whoever reads on finds its end
// again, and nothing of another request's answer.
func TestAnAnswerThatHasEndedHasNoPartInTheNext(t *testing.T) {
	s := serve(t, answering)
	tr := newTransport(t, s.Addr().String())
	ended, err := tr.RoundTrip(request(t, "GET", "/", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer ended.Body.Close()
	if first, err := io.ReadAll(ended.Body); err != nil || string(first) != "GET " {
		t.Fatalf("%q, %v", first, err)
	}
	for _, method := range []string{"GET", "POST"} {
		body := strings.Repeat(method, 1000)
		next, err := tr.RoundTrip(request(t, "POST", "/", body))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := ended.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("behind its end: %d bytes, %v", n, err)
		}
		if said, err := io.ReadAll(next.Body); err != nil || string(said) != "POST "+body {
			t.Errorf("the next one got %d bytes, %v", len(said), err)
		}
		if err := next.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Hundreds of connections may be kept to one server: each one that waits
// for its next request would have 8 KiB.
func TestAConnectionThatIsKeptHasNoBuffer(t *testing.T) {
	s := serve(t, answering)
	tr := newTransport(t, s.Addr().String())
	wantAnswer(t, tr, "GET", "/", "")
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, c := range tr.idle {
		if c.from != nil {
			t.Error("a connection that is kept has a buffer")
		}
	}
	if len(tr.idle) != 1 {
		t.Errorf("%d connections are kept, want 1", len(tr.idle))
	}
}
