package proxy

import (
	"net/http"
	"strings"
	"testing"
)

// What browsers and clients really send.
const (
	acceptOfChrome  = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
	acceptOfFirefox = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	acceptOfJQuery  = "application/json, text/javascript, */*; q=0.01"
	acceptOfAxios   = "application/json, text/plain, */*"
)

func TestTheFormSuitsTheClient(t *testing.T) {
	const get = http.MethodGet
	for _, c := range []struct {
		name, method, header string
		want                 form
	}{
		{"Chrome, a link", get, "Sec-Fetch-Mode: navigate\nSec-Fetch-Dest: document\nAccept: " + acceptOfChrome, formPage},
		{"Firefox without TLS", get, "Accept: " + acceptOfFirefox, formPage},
		{"a frame", get, "Sec-Fetch-Mode: navigate\nSec-Fetch-Dest: iframe\nAccept: " + acceptOfFirefox, formPage},
		{"a web view of Android", get, "Sec-Fetch-Mode: navigate\nX-Requested-With: com.example.shop\nAccept: " + acceptOfChrome, formPage},
		{"an old web view without TLS", get, "X-Requested-With: com.example.shop\nAccept: " + acceptOfChrome, formPage},
		{"HEAD", http.MethodHead, "Accept: " + acceptOfFirefox, formPage},
		{"a form sent by a browser", http.MethodPost, "Sec-Fetch-Mode: navigate\nSec-Fetch-Dest: document\nAccept: " + acceptOfChrome, formPlain},
		{"a form without TLS", http.MethodPost, "Accept: " + acceptOfFirefox, formPlain},
		{"fetch", get, "Sec-Fetch-Mode: cors\nSec-Fetch-Dest: empty\nAccept: */*", formProblem},
		{"fetch of HTML", get, "Sec-Fetch-Mode: same-origin\nSec-Fetch-Dest: empty\nAccept: text/html", formProblem},
		{"fetch with POST", http.MethodPost, "Sec-Fetch-Mode: cors\nSec-Fetch-Dest: empty\nAccept: */*", formProblem},
		{"fetch of Node", get, "Sec-Fetch-Mode: cors\nAccept: */*", formProblem},
		{"an image", get, "Sec-Fetch-Mode: no-cors\nSec-Fetch-Dest: image\nAccept: image/avif,image/webp,*/*;q=0.8", formPlain},
		{"jQuery", get, "X-Requested-With: XMLHttpRequest\nAccept: " + acceptOfJQuery, formProblem},
		{"jQuery, for HTML", get, "X-Requested-With: XMLHttpRequest\nAccept: text/html, */*; q=0.01", formProblem},
		{"axios", get, "Accept: " + acceptOfAxios, formProblem},
		{"axios with PUT", http.MethodPut, "Accept: " + acceptOfAxios, formProblem},
		{"JSON:API", get, "Accept: application/vnd.api+json", formProblem},
		{"asks for problems", get, "Accept: application/problem+json", formProblem},
		{"curl", get, "Accept: */*", formPlain},
		{"nothing said", get, "", formPlain},
		{"empty", get, "Accept: ", formPlain},
		{"text", get, "Accept: text/plain, text/html;q=0.5", formPlain},
		{"HTML before JSON", get, "Accept: application/json;q=0.8, text/html;q=0.9", formPage},
		{"JSON before HTML", get, "Accept: text/html;q=0.8, application/json;q=0.9", formProblem},
		{"HTML and JSON alike", get, "Accept: text/html, application/json", formProblem},
		{"no HTML at all", get, "Accept: text/html;q=0, */*", formPlain},
		{"two lines", get, "Accept: text/plain;q=0.1\nAccept: TEXT/HTML ; level=1; Q=0.2", formPage},
		{"a weight that is none", get, "Accept: text/html;q=high", formPlain},
	} {
		if got := formFor(requestOf(c.method, c.header)); got != c.want {
			t.Errorf("%s: got form %d, want %d", c.name, got, c.want)
		}
	}
}

func TestWeightsAreReadStrictly(t *testing.T) {
	for text, want := range map[string]int{
		"": 1000, "q=1": 1000, "q=1.": 1000, "q=1.000": 1000, "q=0.5": 500, " q=0.001": 1, "q=0": 0, "level=1;q=0.25;x=y": 250,
		"q=": 0, "q=2": 0, "q=1.5": 0, "q=0.0001": 0, "q=-1": 0, "q=0.x": 0, "q=.5": 0, "q": 0, "q=0,5": 0,
	} {
		if got := weight(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

// requestOf makes a request with header lines.
func requestOf(method, lines string) *http.Request {
	h := http.Header{}
	for line := range strings.SplitSeq(lines, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			h.Add(name, strings.TrimSpace(value))
		}
	}
	return &http.Request{Method: method, Header: h}
}
