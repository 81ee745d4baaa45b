package fastcgi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// pieces is a connection whose bytes arrive in pieces of the given sizes, the
// last size again and again.
type pieces struct {
	rest  []byte
	sizes []int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	size := len(p.rest)
	if len(p.sizes) > 0 {
		size = min(size, max(1, p.sizes[0]))
		if len(p.sizes) > 1 {
			p.sizes = p.sizes[1:]
		}
	}
	n := copy(b, p.rest[:size])
	p.rest = p.rest[n:]
	return n, nil
}

// outcome is all that comes out of an answer.
type outcome struct {
	status int
	header http.Header
	body   string
	lines  []string
	end    Ending
	err    string
}

// receive runs the reading half on a stream, as Transport does.
func receive(stream io.Reader, readSize, maxHeader int) outcome {
	var out outcome
	x := &exchange{
		t:   &Transport{maxHeader: maxHeader},
		req: &http.Request{},
		ctx: context.Background(),
	}
	x.stderr.emit = func(line string) { out.lines = append(out.lines, line) }
	x.reader = recordReader{from: stream, buf: make([]byte, 64), stderr: &x.stderr}
	header, err := x.header()
	if err != nil {
		x.release()
		out.err = err.Error()
		return out
	}
	out.status, out.header = header.status, header.fields
	body := newBody(x, http.MethodGet, header)
	var got bytes.Buffer
	p := make([]byte, readSize)
	for err == nil {
		var n int
		n, err = body.Read(p)
		got.Write(p[:n])
	}
	out.body, out.err = got.String(), err.Error()
	out.end, _ = body.Ending()
	return out
}

func (o outcome) String() string {
	return fmt.Sprintf("%d %q %q %q %+v %s", o.status, o.header, o.body, o.lines, o.end, o.err)
}

var sample = join(
	stderr("PHP message: first\nsec"), stdout("Status: 404 Not Found\r\nSet-Cookie: a=1\r\nX-"),
	[]byte{1, byte(typeStdout), 0, 1, 0, 3, 5, 0, 'A', ':', ' ', 1, 2, 3, 4, 5}, // padded
	[]byte{1, 10, 0, 0, 0, 2, 0, 0, 'm', 'g'},                                   // management
	stdout("b\r\nSet-Cookie: b=2\r\n\r\nbo"), stderr("ond; PHP mess"), stderr("age: third\n"), stdout(""), stdout(strings.Repeat("dy", 100)), ended(0),
	[]byte("what follows is not read"),
)

func TestAnswerIsTheSameHoweverItIsCut(t *testing.T) {
	want := receive(&pieces{rest: sample}, 4096, 1<<20)
	if want.status != 404 || want.body != "bo"+strings.Repeat("dy", 100) || want.err != "EOF" ||
		!slices.Equal(want.lines, []string{"PHP message: first", "second", "PHP message: third"}) ||
		!slices.Equal(want.header["Set-Cookie"], []string{"a=1", "b=2"}) || want.header.Get("X-A") != "b" {
		t.Fatalf("outcome %v", want)
	}
	for _, readSize := range []int{1, 7, 64, 4096} {
		for cut := range sample {
			for _, sizes := range [][]int{{cut, len(sample)}, {cut, 1}} {
				if got := receive(&pieces{sample, sizes}, readSize, 1<<20); got.String() != want.String() {
					t.Fatalf("cut at %v, read by %d: %v", sizes, readSize, got)
				}
			}
		}
	}
}

func TestAnswerCutShortIsNeverAWholeOne(t *testing.T) {
	whole := len(sample) - len("what follows is not read")
	for size := range whole {
		if got := receive(&pieces{rest: sample[:size]}, 100, 1<<20); got.err != ErrUnexpectedEnd.Error() {
			t.Fatalf("after %d of %d bytes: %v", size, whole, got)
		}
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestReaderThatMakesNoProgressIsAnError(t *testing.T) {
	r := recordReader{from: stuck{}, buf: make([]byte, 64)}
	if _, _, err := r.stdout(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("error %v", err)
	}
}

// Properties: no panic; nothing comes out that did not go in; the same bytes
// give the same outcome, however they are cut and read.
func FuzzAnswer(f *testing.F) {
	f.Add(sample, uint8(1), uint8(3), uint8(1))
	f.Add(join(stdout("Content-Length: 3\r\n\r\nabcd"), ended(0)), uint8(9), uint8(1), uint8(2))
	f.Add(join(stdout(okHeader), ended(2)), uint8(0), uint8(0), uint8(9))
	f.Add(join(stdout("A: b\n"), stdout("\nx"), ended(0)[:9]), uint8(3), uint8(200), uint8(80))
	f.Fuzz(func(t *testing.T, stream []byte, first, then, readSize uint8) {
		whole := receive(&pieces{rest: stream}, 4096, 512)
		if size := len(whole.body) + len(strings.Join(whole.lines, "")); size > len(stream) {
			t.Errorf("%d bytes of output from %d", size, len(stream))
		}
		cut := receive(&pieces{stream, []int{int(first), int(then)}}, int(readSize)+1, 512)
		if whole.String() != cut.String() {
			t.Errorf("whole: %v\ncut: %v", whole, cut)
		}
	})
}
