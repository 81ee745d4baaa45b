package proxy

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// connPair is a TCP connection: the client's end and the server's.
func connPair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// Over HTTP/2 a body breaks off a moment before the request's context ends. That
// is a departure, and no bad upload.
func TestABodyThatBreaksOffWithItsConnectionIsADeparture(t *testing.T) {
	client, server := connPair(t)
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	x := &exchange{r: r.WithContext(rememberConn(t.Context(), tls.Server(server, nil)))}
	broken := errors.New("client disconnected")
	if err := x.spoolRefusal(broken); errors.Is(err, errGone) {
		t.Error("the client is there and counts as gone")
	}
	client.Close()
	if _, err := bufio.NewReader(server).ReadByte(); err == nil { // until the end has come
		t.Fatal("not closed")
	}
	if err := x.spoolRefusal(broken); !errors.Is(err, errGone) {
		t.Errorf("got %v", err)
	}
}
