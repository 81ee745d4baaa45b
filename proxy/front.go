package proxy

import "net/http"

// front stands before every handler of a server: it ends the connection behind
// requests after which nothing more may be read from it, whoever answers them,
// and answers "OPTIONS *", which asks the server itself (RFC 9110, section 9.3.7).
type front struct{ next http.Handler }

func (f front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if endsConnection(r) {
		w.Header().Set("Connection", "close")
	}
	if r.Method != http.MethodOptions || r.RequestURI != "*" {
		f.next.ServeHTTP(w, r)
		return
	}
	if r.ContentLength != 0 && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close") // the body is not read
	}
	w.Header().Set("Content-Length", "0")
}
