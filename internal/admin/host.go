package admin

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// namesThisMachine guards what is shown without a token. A page in the browser of
// somebody on this machine can have its own name resolve to 127.0.0.1, and would
// then read the answers as its own (DNS rebinding); but the browser says that name
// as the Host. An address needs no resolving, and localhost is no page's name.
// Without a Host it was no browser.
func namesThisMachine(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r.Host) {
			answer(w, http.StatusForbidden, "without admin.token_file the admin listener answers only where it is called by its address or as localhost: "+
				"any other name may be one by which a page in a browser gets here; ask for http://127.0.0.1:…, or set a token")
			return
		}
		h.ServeHTTP(w, r)
	})
}

func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else if inside, bracketed := strings.CutPrefix(host, "["); bracketed {
		host = strings.TrimSuffix(inside, "]")
	}
	_, err := netip.ParseAddr(host)
	return err == nil || host == "" || strings.EqualFold(strings.TrimSuffix(host, "."), "localhost")
}
