package http

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// broken is a connection that is reset behind what was sent on it.
type broken struct {
	net.Conn
	sent *strings.Reader
}

func (c broken) Read(p []byte) (int, error) {
	if n, err := c.sent.Read(p); err == nil {
		return n, nil
	}
	return 0, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}

func TestAConnectionThatIsResetIsNoRequestUnlessOneHadBegun(t *testing.T) {
	for sent, want := range map[string]int{"": 0, "GET /a HTT": 1, "GET /a HTTP/1.1\r\nHost: a": 1} {
		r := &recorder{protocol: overHTTP, says: nothing}
		here, there := net.Pipe()
		there.Close()
		r.serveHTTP(broken{here, strings.NewReader(sent)})
		here.Close()
		if seen := r.take(); len(seen) != want || want > 0 && !strings.HasSuffix(seen[0].line, unfinished) {
			t.Errorf("%q, then a reset: seen %v", sent, seen)
		}
	}
}
