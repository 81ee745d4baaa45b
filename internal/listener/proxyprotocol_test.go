package listener

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// v2 makes a header of version 2.
func v2(command, family byte, addresses string) string {
	return "\r\n\r\n\x00\r\nQUIT\n" + string([]byte{0x20 | command, family, byte(len(addresses) >> 8), byte(len(addresses))}) + addresses
}

const (
	tcp4 = "\xcb\x00\x71\x07" + "\xc6\x33\x64\x01" + "\x12\x67" + "\x01\xbb" // 203.0.113.7:4711 to 198.51.100.1:443
	tcp6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\x12\x67" + "\x01\xbb"
)

// refusals takes what ProxyProtocol refused.
type refusals chan error

// echoAddresses serves a listener's addresses behind the PROXY protocol.
func echoAddresses(t *testing.T, l net.Listener, trusted bool, timeout time.Duration) refusals {
	t.Helper()
	refused := make(refusals, 10)
	proxies := ProxyProtocol{
		Trusted: func(string) bool { return trusted },
		Timeout: timeout,
		Refused: func(_ net.Addr, err error) { refused <- err },
	}
	serve(t, proxies.Listener(l), func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s to %s", r.RemoteAddr, r.Context().Value(http.LocalAddrContextKey))
	}, nil)
	return refused
}

func TestTheHeaderGivesTheAddresses(t *testing.T) {
	unix := "/run/client" + strings.Repeat("\x00", 108-11) + "/run/gate" + strings.Repeat("\x00", 108-9)
	l := open(t, "tcp", "127.0.0.1:0")
	echoAddresses(t, l, true, patience)
	for _, c := range []struct{ name, header, want string }{
		{"1, IPv4", "PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\n", "203.0.113.7:4711 to 198.51.100.1:443"},
		{"1, IPv6", "PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n", "[2001:db8::7]:4711 to [2001:db8::1]:443"},
		{"1, unknown", "PROXY UNKNOWN\r\n", "unknown to self"},
		{"1, unknown with addresses", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "unknown to self"},
		{"2, IPv4", v2(1, 0x11, tcp4), "203.0.113.7:4711 to 198.51.100.1:443"},
		{"2, IPv6", v2(1, 0x21, tcp6), "[2001:db8::7]:4711 to [2001:db8::1]:443"},
		{"2, with a TLV", v2(1, 0x11, tcp4+"\x04\x00\x02ab"), "203.0.113.7:4711 to 198.51.100.1:443"},
		{"2, UDP", v2(1, 0x12, tcp4), "unknown to self"},
		{"2, unix", v2(1, 0x31, unix), "unknown to self"},
		{"2, local", v2(0, 0x00, ""), "unknown to self"},
		{"2, local with addresses", v2(0, 0x11, tcp4), "unknown to self"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, l.Addr())
			write(t, conn, c.header+get)
			want := strings.Replace(c.want, "self", l.Addr().String(), 1)
			if got := read(t, conn); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestOverASocketTheHeaderGivesTheAddressesToo(t *testing.T) {
	l := open(t, "unix", filepath.Join(t.TempDir(), "s"))
	echoAddresses(t, l, true, patience)
	c := dial(t, l.Addr())
	write(t, c, v2(1, 0x11, tcp4)+get)
	if got := read(t, c); got != "203.0.113.7:4711 to 198.51.100.1:443" {
		t.Errorf("got %q", got)
	}
}

func TestATrustedPeerWithoutAGoodHeaderIsRefused(t *testing.T) {
	l := open(t, "tcp", "127.0.0.1:0")
	refused := echoAddresses(t, l, true, patience)
	for _, header := range []string{
		"", "PROXY", "PROXY \r\n", "PROXY TCP4 203.0.113.7 198.51.100.1 4711\r\n", "PROXY TCP4 203.0.113.7 198.51.100.1 4711 99999\r\n",
		"PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\n", "proxy TCP4 203.0.113.7 198.51.100.1 4711 443\r\n", "PROXY TCP6 203.0.113.7 ::1 4711 443\r\n",
		"PROXY TCP4 " + strings.Repeat(" ", 200) + "\r\n", v2(2, 0x11, tcp4), v2(1, 0x00, ""), v2(1, 0x11, "short"), v2(1, 0x77, tcp4),
		"\r\n\r\n\x00\r\nQUIT\n\x31\x11\x00\x0c" + tcp4,
	} {
		c := dial(t, l.Addr())
		write(t, c, header+get)
		if rest, err := io.ReadAll(c); len(rest) != 0 {
			t.Errorf("%q: got %q, %v", header, rest, err)
		}
		<-refused
	}
}

func TestAPeerThatIsNotTrustedHasNoHeaderThatIsRead(t *testing.T) {
	l := open(t, "tcp", "127.0.0.1:0")
	echoAddresses(t, l, false, patience)
	for _, header := range []string{"PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\n", v2(1, 0x11, tcp4), v2(0, 0, "")} {
		c := dial(t, l.Addr())
		write(t, c, header+get)
		if rest, err := io.ReadAll(c); !strings.HasPrefix(string(rest), "HTTP/1.1 400 ") {
			t.Errorf("%q: got %q, %v", header, rest, err)
		}
	}
	c := dial(t, l.Addr())
	write(t, c, get)
	if got := read(t, c); got != fmt.Sprintf("%s to %s", c.LocalAddr(), l.Addr()) {
		t.Errorf("without a header: %q", got)
	}
}

// Neither does a peer that says nothing keep its connection, nor does it keep
// others waiting.
func TestAHeaderThatDoesNotComeIsWaitedForNotForEver(t *testing.T) {
	l := open(t, "tcp", "127.0.0.1:0")
	refused := echoAddresses(t, l, true, 200*time.Millisecond)
	silent, slow, other := dial(t, l.Addr()), dial(t, l.Addr()), dial(t, l.Addr())
	write(t, slow, v2(1, 0x11, tcp4)[:20])
	write(t, other, v2(1, 0x11, tcp4)+get)
	if got := read(t, other); got != "203.0.113.7:4711 to 198.51.100.1:443" {
		t.Errorf("got %q", got)
	}
	for _, c := range []net.Conn{silent, slow} {
		if rest, err := io.ReadAll(c); len(rest) != 0 {
			t.Errorf("got %q, %v", rest, err)
		}
	}
	<-refused // the one that had begun
}

// The health checks of balancers connect and close.
func TestAPeerThatSendsNothingIsNoBadHeader(t *testing.T) {
	l := open(t, "tcp", "127.0.0.1:0")
	refused := echoAddresses(t, l, true, patience)
	dial(t, l.Addr()).Close()
	c := dial(t, l.Addr())
	write(t, c, "GET")
	if half, ok := c.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		t.Fatal("not closed by half")
	}
	if rest, err := io.ReadAll(c); len(rest) != 0 {
		t.Errorf("got %q, %v", rest, err)
	}
	<-refused
	if len(refused) != 0 {
		t.Errorf("refused, too: %v", <-refused)
	}
}

// net/http closes the sending side first, so that no reset overtakes what it
// has sent.
func TestAProxiedConnectionIsClosedByHalves(t *testing.T) {
	l := open(t, "tcp", "127.0.0.1:0")
	defer l.Close()
	proxied := ProxyProtocol{Trusted: func(string) bool { return true }, Timeout: patience, Refused: func(net.Addr, error) {}}.Listener(l)
	client := dial(t, l.Addr())
	write(t, client, v2(1, 0x11, tcp4)+"hello")
	c, err := proxied.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	half, ok := c.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		t.Fatalf("%T cannot be closed by halves", c)
	}
	if rest, err := io.ReadAll(client); err != nil || len(rest) != 0 {
		t.Errorf("the client got %q, %v", rest, err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "hello" {
		t.Errorf("the server got %q", got)
	}
}
