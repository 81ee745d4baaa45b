package files

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// unsettled is how long after its last change a file may change again without
// its time showing it: file systems and copying programs count whole seconds.
const unsettled = 2 * time.Second

// Serve answers a GET or HEAD request with the file: whole, in part, or with the
// word that the client has it already (RFC 9110, sections 13 and 14). A file that
// grows is sent as long as it was; one that shrinks breaks off, with less sent
// than its Content-Length says.
func (f *File) Serve(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	h := w.Header()
	h["Content-Type"] = []string{typeOf(f.name)}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Etag"] = []string{f.tag(now)}
	if takesRange(r) {
		r.Header.Set("Range", withinInt64(r.Header.Get("Range")))
	} else {
		r.Header.Del("Range")
	}
	modified := f.modified
	if modified.After(now) {
		modified = now // RFC 9110, section 8.8.2.1: never later than Date
	}
	http.ServeContent(w, r, "", modified, f.content)
}

// tag is the entity tag. It is weak while the file may still change unseen: what
// was sent then is no base for putting ranges together.
func (f *File) tag(now time.Time) string {
	tag := `"` + strconv.FormatInt(f.modified.UnixNano(), 36) + "-" + strconv.FormatInt(f.size, 36) + `"`
	if now.Sub(f.modified) < unsettled {
		return "W/" + tag
	}
	return tag
}

// maxRanges bounds the parts of one answer: each costs a header, and a request
// has room for thousands.
const maxRanges = 8

// takesRange tells whether a Range header counts (RFC 9110, section 14.2): only
// for GET, only in bytes. More parts than any client needs may be ignored.
func takesRange(r *http.Request) bool {
	value := r.Header.Get("Range")
	return r.Method == http.MethodGet && strings.HasPrefix(value, "bytes=") && strings.Count(value, ",") < maxRanges
}

// beyondInt64 are positions that net/http would take for no numbers.
var beyondInt64 = regexp.MustCompile("0*[1-9][0-9]{18,}")

// withinInt64 puts a position that is behind the end of every file in the place
// of those that are too large for net/http: an end behind the file's is the
// file's (RFC 9110, section 14.1.2), however far behind.
func withinInt64(ranges string) string {
	return beyondInt64.ReplaceAllLiteralString(ranges, "999999999999999999")
}
