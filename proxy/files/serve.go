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
	if ranges, ok := wantedRanges(r); ok {
		r.Header["Range"] = []string{ranges}
	} else {
		delete(r.Header, "Range")
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

// wantedRanges is a Range header that counts (RFC 9110, section 14.2): only for
// GET, only in bytes. More parts than any client needs may be ignored. It says
// the same as the client's, in words that net/http takes rightly.
func wantedRanges(r *http.Request) (ranges string, ok bool) {
	const unit = "bytes="
	value := r.Header.Get("Range")
	if r.Method != http.MethodGet || len(value) < len(unit) || !strings.EqualFold(value[:len(unit)], unit) || strings.Count(value, ",") >= maxRanges {
		return "", false
	}
	specs := strings.Split(value[len(unit):], ",")
	for i, spec := range specs {
		specs[i] = withinInt64(spec)
	}
	return unit + strings.Join(specs, ","), true
}

// farBehind is a position behind the end of every file.
const farBehind = "999999999999999999"

// beyondInt64 are positions that net/http would take for no numbers.
var beyondInt64 = regexp.MustCompile("0*[1-9][0-9]{18,}")

// withinInt64 puts farBehind in the place of positions that are too large for
// net/http: an end behind the file's is the file's (RFC 9110, section 14.1.2),
// however far behind. The last 0 bytes, of which net/http makes a part without
// any, are as little to be had as what stands there.
func withinInt64(spec string) string {
	if suffix, ok := strings.CutPrefix(strings.Trim(spec, " \t"), "-"); ok && suffix != "" && strings.Trim(suffix, "0") == "" {
		return farBehind + "-"
	}
	return beyondInt64.ReplaceAllLiteralString(spec, farBehind)
}
