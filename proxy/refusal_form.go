package proxy

import (
	"net/http"
	"strings"
)

// form is how a refusal is written: for people, for programs, or for neither
// in particular.
type form uint8

const (
	formPlain   form = iota // text/plain
	formPage                // the HTML page: a browser shows what it gets
	formProblem             // problem JSON (RFC 9457): a program reads it
)

// formVary is what formFor looks at.
const formVary = "Accept, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With"

// formFor finds the form for a request. A browser says by itself whether it
// navigates (Fetch Metadata); over plain HTTP, where it does not, and for other
// clients the marks of XMLHttpRequest count and then Accept. The page comes again
// by a GET, so nothing else gets it.
func formFor(r *http.Request) form {
	get := r.Method == http.MethodGet || r.Method == http.MethodHead
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	switch {
	case mode == "navigate" || mode == "" && dest == "document":
		return pageIf(get)
	case dest == "empty" || mode == "cors" && dest == "":
		return formProblem // fetch, XMLHttpRequest, EventSource
	case mode != "" || dest != "":
		return formPlain // an image, a script: nobody reads it
	case requestedByScript(r.Header.Get("X-Requested-With")):
		return formProblem
	}
	switch preferred(r.Header["Accept"]) {
	case formPage:
		return pageIf(get)
	case formProblem:
		return formProblem
	}
	return formPlain
}

func pageIf(get bool) form {
	if get {
		return formPage
	}
	return formPlain
}

// requestedByScript reads X-Requested-With. A dotted name is that of an Android
// application, which its web view sends with every page.
func requestedByScript(value string) bool {
	return value != "" && !strings.Contains(value, ".")
}

// preferred is the form that Accept names with the highest weight. Ranges such
// as */* name none. Programs win where all are alike: browsers do not name JSON.
func preferred(accept []string) form {
	var weights [3]int
	for _, line := range accept {
		for part := range strings.SplitSeq(line, ",") {
			media, parameters, _ := strings.Cut(part, ";")
			f, ok := formOf(strings.ToLower(strings.TrimSpace(media)))
			if ok {
				weights[f] = max(weights[f], weight(parameters))
			}
		}
	}
	best := formPlain
	for _, f := range []form{formPage, formProblem} {
		if weights[f] > 0 && weights[f] >= weights[best] {
			best = f
		}
	}
	return best
}

// formOf is the form that a media type stands for.
func formOf(media string) (form, bool) {
	switch {
	case media == "text/html", media == "application/xhtml+xml":
		return formPage, true
	case media == "application/json", media == "text/json", strings.HasSuffix(media, "+json"):
		return formProblem, true
	case media == "text/plain":
		return formPlain, true
	}
	return 0, false
}

// weight reads q in thousandths: 1000 where it is missing, 0 where it is not to
// be understood (RFC 9110, section 12.4.2).
func weight(parameters string) int {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if name == "q" || name == "Q" {
			return thousandths(value)
		}
	}
	return 1000
}

func thousandths(q string) int {
	whole, digits, _ := strings.Cut(q, ".")
	if whole != "0" && whole != "1" || len(digits) > 3 {
		return 0
	}
	n := int(whole[0] - '0')
	for i := range 3 {
		n *= 10
		if i >= len(digits) {
			continue
		}
		if digits[i] < '0' || digits[i] > '9' {
			return 0
		}
		n += int(digits[i] - '0')
	}
	if n > 1000 {
		return 0
	}
	return n
}
