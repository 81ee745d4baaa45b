package proxy

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzOfferedProtocols holds that no offer, however it is spelled, lets requests
// pass the gate unseen.
func FuzzOfferedProtocols(f *testing.F) {
	for _, offer := range []string{"websocket", "h2c", "H2C,websocket", " TLS/1.0 , echo", "HTTP/2.0", ",,", "h2c/1", "\th2c\t,\twebsocket", "a b", "h2c /1", "h2c;x", "h2c\x0b"} {
		f.Add(offer, "GET")
		f.Add(offer, "POST")
	}
	f.Fuzz(func(t *testing.T, offer, method string) {
		r := &http.Request{Method: method, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Connection": {"Upgrade"}, "Upgrade": {offer}}}
		sent := strings.Join(offeredProtocols(r), ", ")
		for protocol := range strings.SplitSeq(strings.ToLower(sent), ",") { // as an upstream would read it
			name, _, _ := strings.Cut(strings.TrimSpace(protocol), "/")
			if strings.ContainsAny(name, " \t\v;=\"") {
				t.Errorf("%q is passed on as %q", offer, sent)
			}
			switch name {
			case "h2c", "h2", "h3", "http", "tls":
				t.Errorf("%q is passed on as %q", offer, sent)
			case "websocket":
				if method != http.MethodGet {
					t.Errorf("%s: %q is passed on as %q", method, offer, sent)
				}
			}
		}
		r.ProtoMajor = 2
		if offered := offeredProtocols(r); offered != nil {
			t.Errorf("over HTTP/2 %q is passed on", offered)
		}
	})
}
