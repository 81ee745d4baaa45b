package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"os"
	"strings"
	"testing"
)

// echoed is what echo.php says of a request's body.
type echoed struct {
	Method        string `json:"method"`
	ContentType   string `json:"content_type"`
	ContentLength string `json:"content_length"`
	Length        int    `json:"length"`
	SHA256        string `json:"sha256"`
	Post          int    `json:"post"`
}

func readEcho(t *testing.T, a answer) echoed {
	t.Helper()
	var e echoed
	if err := json.Unmarshal([]byte(a.want(t, 200).body), &e); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	return e
}

// randomBytes are the same for the same n.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)}).Read(b) // never fails
	return b
}

// onlyReader hides the length of a body, so that it is sent in chunks.
type onlyReader struct{ io.Reader }

func TestBodiesOfEverySizeReachPHPWhole(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	for _, size := range []int{0, 1, 4095, 4096, 64<<10 - 1, 64 << 10, 64<<10 + 1, 5_000_000} {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d bytes, chunked %v", size, chunked), func(t *testing.T) {
				content := randomBytes(size)
				var body io.Reader = bytes.NewReader(content)
				if chunked {
					body = onlyReader{body}
				}
				req := request(t, "POST", "/echo.php", "one", body)
				req.Header.Set("Content-Type", "application/x-binary; x=1")
				got := readEcho(t, g.do(req))
				sum := sha256.Sum256(content)
				declared := fmt.Sprint(size)
				if size == 0 {
					declared = "" // no body (RFC 3875, section 4.1.2)
				}
				want := echoed{Method: "POST", ContentType: "application/x-binary; x=1", ContentLength: declared, Length: size, SHA256: hex.EncodeToString(sum[:])}
				if got != want {
					t.Errorf("PHP saw %+v, want %+v", got, want)
				}
			})
		}
	}
	g.wantEmptySpool(t)
}

func TestAMultipartUploadReachesPHP(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	w.WriteField("title", "picture")
	file, _ := w.CreateFormFile("file", "a.bin")
	file.Write(randomBytes(300_000))
	w.Close()
	size := form.Len()
	req := request(t, "POST", "/echo.php", "one", &form)
	req.Header.Set("Content-Type", w.FormDataContentType())
	if got := readEcho(t, g.do(req)); got.Post != 1 || got.ContentLength != fmt.Sprint(size) {
		t.Errorf("PHP saw %+v, want one field and %d bytes", got, size)
	}
}

// wantEmptySpool waits until the spool holds nothing: no memory, no disk, no
// file by name or without one.
func (g *gate) wantEmptySpool(t *testing.T) {
	t.Helper()
	g.awaitMetric(t, "spool_memory_bytes", 0)
	g.awaitMetric(t, "spool_disk_bytes", 0)
	if names := g.spoolFiles(t); len(names) > 0 {
		t.Errorf("files are left in the spool: %q", names)
	}
	eventually(t, func() bool { return len(g.openSpoolFiles(t)) == 0 },
		func() string { return fmt.Sprintf("files are still open: %q", g.openSpoolFiles(t)) })
}

// spoolFiles are the files in the spool that have a name.
func (g *gate) spoolFiles(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(g.spoolDir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// openSpoolFiles are the files below the spool that this process has open,
// those without a name included.
func (g *gate) openSpoolFiles(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var open []string
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(target, g.spoolDir+"/") {
			open = append(open, target)
		}
	}
	return open
}

func TestASpooledBodyHasNoNameAndIsGoneAfterwards(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	j, end := newJournal(t), newBarrier(t)
	first := g.start(t, end.page(j, "first"), "one")
	j.await(t, "begin first")
	waiting := g.send(request(t, "POST", "/echo.php", "one", bytes.NewReader(randomBytes(1_000_000))))
	g.awaitMetric(t, "waiting", 1)
	if open := g.openSpoolFiles(t); len(open) != 1 {
		t.Errorf("open files of the spool: %q, want one", open)
	}
	if names := g.spoolFiles(t); len(names) != 0 {
		t.Errorf("the spool's files have names: %q", names)
	}
	end.lift(t)
	receive(t, first).want(t, 200)
	if got := readEcho(t, receive(t, waiting)); got.Length != 1_000_000 {
		t.Errorf("PHP saw %+v", got)
	}
	g.wantEmptySpool(t)
}

func TestAFullSpoolRefusesAndRecovers(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)),
		"spool: {body_memory: 16KiB, response_memory: 16KiB, max_memory: 64KiB, max_disk: 1MiB, max_response: 512KiB}", "server: {max_body_size: 1MiB}")
	j, end := newJournal(t), newBarrier(t)
	first := g.start(t, end.page(j, "first"), "one")
	j.await(t, "begin first")
	waiting := g.send(request(t, "POST", "/echo.php", "one", bytes.NewReader(randomBytes(700_000))))
	g.awaitMetric(t, "waiting", 1)
	for _, body := range []io.Reader{bytes.NewReader(randomBytes(700_000)), onlyReader{bytes.NewReader(randomBytes(700_000))}} {
		a := g.do(request(t, "POST", "/echo.php", "two", body)).wantRefusal(t, 503, "spool_full")
		if a.header.Get("Retry-After") == "" {
			t.Errorf("no Retry-After: %v", a.header)
		}
	}
	end.lift(t)
	receive(t, first).want(t, 200)
	if got := readEcho(t, receive(t, waiting)); got.Length != 700_000 {
		t.Errorf("PHP saw %+v", got)
	}
	g.wantEmptySpool(t)
	g.do(request(t, "POST", "/echo.php", "two", bytes.NewReader(randomBytes(700_000)))).want(t, 200)
}

// The folder vanishes while the gate runs: every attempt to make a file fails.
func TestASpoolThatCannotBeWrittenRefusesBodiesAndSlowsAnswers(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	if err := os.Remove(g.spoolDir); err != nil {
		t.Fatal(err)
	}
	g.do(request(t, "POST", "/echo.php", "one", bytes.NewReader(randomBytes(1000)))).want(t, 200)
	g.do(request(t, "POST", "/echo.php", "one", bytes.NewReader(randomBytes(1_000_000)))).wantRefusal(t, 503, "spool_disk")
	if a := g.get(t, "/big.php?mb=4", "one").want(t, 200); len(a.body) != 4<<20 {
		t.Errorf("got %d bytes of the answer", len(a.body))
	}
	g.awaitMetric(t, `refused_total{reason="spool_disk"}`, 1)
	if !strings.Contains(g.log.String(), "request body could not be written to the spool") {
		t.Error("the log does not tell of the disk")
	}
}
