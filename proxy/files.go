package proxy

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strconv"

	"github.com/sessiongate/sessiongate/internal/docroot"
	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/proxy/files"
)

// files serves what the path names among the upstream's files. Such a request
// takes neither a place in the line nor a turn, and never reaches PHP; its way
// ends here. What is no file goes on.
func (x *exchange) files() error {
	if x.upstream.Files == nil {
		return nil
	}
	name, ok := x.fileName()
	if !ok {
		return nil
	}
	file, err := x.upstream.Files.Find(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !errors.Is(err, docroot.ErrUnreadable):
		return nil
	case err != nil:
		x.gate.Metrics.upstreamError(x.upstream, kindOf(err))
		x.upstreamErr = err
		return upstreamRefusal(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	x.served = true
	return x.sendFile(file)
}

// fileName is the path by which a file is looked for: the one that rules have
// seen, and only where it can be read in no other way. A path that leads through
// the index script is a page's; so is one with a body, or another method.
func (x *exchange) fileName() (name string, ok bool) {
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodHead || x.r.ContentLength != 0 {
		return "", false
	}
	escaped := x.r.URL.EscapedPath()
	name, err := rules.NormalizePath(escaped, "")
	if err != nil || name != x.rulePath || name[len(name)-1] == '/' {
		return "", false
	}
	return name, docroot.Plain(x.r.URL.Path, escaped)
}

// sendFile answers with the file, at the client's pace.
func (x *exchange) sendFile(file *files.File) error {
	control := http.NewResponseController(x.w)
	to := &fileWriter{ResponseWriter: x.w, overHTTP2: x.overHTTP2()}
	to.extend = func() {
		if x.taking == nil && to.sent >= unwatched && !to.overHTTP2 {
			x.taking = x.watchTaking(control)
		}
		x.extendWrite(control)
	}
	defer func() { x.taking.stop() }()
	x.w.Header()[requestIDHeader] = []string{x.requestID}
	x.quotas.tell(x.w.Header())
	x.bodyRead = true // there is none
	to.extend()
	file.Serve(to, x.r)
	to.extend() // net/http writes the end
	if x.taking != nil && to.err == nil {
		to.err = control.Flush() // while somebody looks whether it is taken
	}
	x.status, x.sent = to.status, to.sent
	switch {
	case to.err != nil && !isFileError(to.err):
		return errGone
	case to.short(x.r.Method):
		// It was cut short meanwhile, or could not be read on. The client must not
		// take the part for the whole.
		x.cut, x.cause = true, to.err
		x.cutConnection()
	}
	return nil
}

// isFileError tells a file that cannot be read from a client that does not take.
func isFileError(err error) bool {
	_, ok := errors.AsType[*fs.PathError](err)
	return ok
}

// filePart is how much of a file is written before the client gets new time. Where
// the kernel does not tell what is taken of it (see taking), that much has to be
// within write_idle_timeout.
const filePart = 64 << 10

// fileWriter counts what a client takes, and gives it time for each part. It
// stands in nobody's way: net/http hands a file to the kernel (sendfile).
type fileWriter struct {
	http.ResponseWriter
	overHTTP2 bool
	extend    func()
	status    int
	sent      int64
	err       error
}

func (w *fileWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *fileWriter) Write(b []byte) (written int, err error) {
	for err == nil && written < len(b) {
		piece := b[written:]
		if w.overHTTP2 {
			piece = piece[:min(len(piece), streamPiece)]
		}
		w.extend()
		var n int
		n, err = w.ResponseWriter.Write(piece)
		w.note(int64(n), err)
		written += n
	}
	return written, err
}

// ReadFrom copies part by part. The parts are limited readers of the file itself,
// for sendfile looks no deeper.
func (w *fileWriter) ReadFrom(src io.Reader) (n int64, err error) {
	to, ok := w.ResponseWriter.(io.ReaderFrom)
	whole, isLimited := src.(*io.LimitedReader)
	if !ok || !isLimited {
		return io.Copy(struct{ io.Writer }{w}, src)
	}
	for whole.N > 0 && err == nil {
		w.extend()
		part := io.LimitedReader{R: whole.R, N: min(whole.N, filePart)}
		var copied int64
		copied, err = to.ReadFrom(&part)
		w.note(copied, err)
		n += copied
		whole.N -= copied
		if copied == 0 {
			break // the file has ended
		}
	}
	return n, err
}

func (w *fileWriter) note(n int64, err error) {
	w.sent += n
	if w.err == nil {
		w.err = err
	}
}

// short says that less was sent than announced.
func (w *fileWriter) short(method string) bool {
	announced, err := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64)
	return err == nil && method == http.MethodGet && w.sent < announced
}
