package fastcgi

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

func TestResponseHeaders(t *testing.T) {
	for name, tc := range map[string]struct {
		block  string
		status int
		reason string
		length int64
		fields http.Header
	}{
		"PHP's own":          {"X-Powered-By: PHP/8.2\r\nContent-type: text/html; charset=UTF-8\r\n\r\n", 200, "", -1, http.Header{"X-Powered-By": {"PHP/8.2"}, "Content-Type": {"text/html; charset=UTF-8"}}},
		"bare line feeds":    {"A: b\nC:d\n\n", 200, "", -1, http.Header{"A": {"b"}, "C": {"d"}}},
		"status and reason":  {"Status: 404 Not Here\r\n\r\n", 404, "Not Here", -1, http.Header{}},
		"status alone":       {"Status: 503\r\n\r\n", 503, "", -1, http.Header{}},
		"location":           {"Location: /x\r\n\r\n", 302, "", -1, http.Header{"Location": {"/x"}}},
		"location, status":   {"Location: /x\r\nStatus: 201 Created\r\n\r\n", 201, "Created", -1, http.Header{"Location": {"/x"}}},
		"cookies in order":   {"Set-Cookie: b=1\r\nSet-Cookie: a=2\r\nset-cookie: b=1\r\n\r\n", 200, "", -1, http.Header{"Set-Cookie": {"b=1", "a=2", "b=1"}}},
		"length":             {"Content-Length: 12\r\n\r\n", 200, "", 12, http.Header{"Content-Length": {"12"}}},
		"framing is ours":    {"Transfer-Encoding: chunked\r\n\r\n", 200, "", -1, http.Header{}},
		"value with colon":   {"A: b: c\r\n\r\n", 200, "", -1, http.Header{"A": {"b: c"}}},
		"empty value":        {"A:\r\n\r\n", 200, "", -1, http.Header{"A": {""}}},
		"UTF-8 in a value":   {"A: ä\r\n\r\n", 200, "", -1, http.Header{"A": {"ä"}}},
		"no fields":          {"\r\n", 200, "", -1, http.Header{}},
		"tab within a value": {"A:\tb\tc \r\n\r\n", 200, "", -1, http.Header{"A": {"b\tc"}}},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := parseHeader([]byte(tc.block))
			if err != nil || h.status != tc.status || h.reason != tc.reason || h.length != tc.length || !reflect.DeepEqual(h.fields, tc.fields) {
				t.Errorf("%+v, %v", h, err)
			}
		})
	}
}

func TestBadResponseHeaders(t *testing.T) {
	for _, block := range []string{
		"no colon\r\n\r\n",
		": no name\r\n\r\n",
		"Na me: v\r\n\r\n",
		"Name : v\r\n\r\n",
		"A: b\r\n folded\r\n\r\n",
		"A: b\rC: d\r\n\r\n",
		"A: b\x00\r\n\r\n",
		"Status: 99\r\n\r\n",
		"Status: 100 Continue\r\n\r\n",
		"Status: 1000\r\n\r\n",
		"Status: +20\r\n\r\n",
		"Status: OK\r\n\r\n",
		"Status: 200\r\nStatus: 200\r\n\r\n",
		"Content-Length: -1\r\n\r\n",
		"Content-Length: 1x\r\n\r\n",
		"Content-Length: 99999999999999999999\r\n\r\n",
		"Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n",
	} {
		if h, err := parseHeader([]byte(block)); !errors.Is(err, ErrBadResponse) {
			t.Errorf("%q: %+v, %v", block, h, err)
		}
	}
}

func TestErrorsDoNotRepeatAHostileHeader(t *testing.T) {
	_, err := parseHeader([]byte(strings.Repeat("x", 10_000) + "\r\n\r\n"))
	if err == nil || len(err.Error()) > 200 {
		t.Errorf("error of %d bytes", len(err.Error()))
	}
}

// Properties: no panic; the scanner stops at the same place however the bytes
// are cut and never keeps more than its bound; what is parsed is no longer than
// the input and has no byte that could end a line.
func FuzzHeader(f *testing.F) {
	f.Add([]byte("Status: 404 Not Found\r\nA: b\r\n\r\nbody"), 3)
	f.Add([]byte("A: b\n\n"), 1)
	f.Add([]byte("\r\n"), 1)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		const bound = 256
		cut = max(0, min(cut, len(b)))
		whole := headerScanner{max: bound}
		used, done, err := whole.write(b)
		parts := headerScanner{max: bound}
		used2, done2, err2 := parts.write(b[:cut])
		if !done2 && err2 == nil {
			var more int
			more, done2, err2 = parts.write(b[cut:])
			used2 += more
		}
		if done != done2 || (err == nil) != (err2 == nil) || err == nil && (used != used2 || string(whole.buf) != string(parts.buf)) {
			t.Fatalf("whole: %d %v %v; cut at %d: %d %v %v", used, done, err, cut, used2, done2, err2)
		}
		if len(whole.buf) > bound {
			t.Fatalf("%d bytes kept", len(whole.buf))
		}
		if !done || err != nil {
			return
		}
		h, err := parseHeader(whole.buf)
		if err != nil {
			return
		}
		size := 0
		for name, values := range h.fields {
			for _, value := range values {
				size += len(name) + len(value)
				if !clean(value) || !isToken(name) {
					t.Errorf("%q: %q", name, value)
				}
			}
		}
		if size > used || h.status < 200 || h.status > 999 || h.length < -1 {
			t.Errorf("%+v from %d bytes", h, used)
		}
	})
}
