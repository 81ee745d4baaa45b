package http

import (
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
)

// The record types of FastCGI that are needed here.
const (
	recordEnd    = 3
	recordParams = 4
	recordStdin  = 5
	recordStdout = 6
)

// serveFastCGI answers one request and closes, as php-fpm does without
// FCGI_KEEP_CONN.
func (r *recorder) serveFastCGI(c net.Conn) {
	params, body, err := readFastCGI(c)
	if err != nil {
		return // a gate that looks whether somebody is there
	}
	q := requestOf(params, body)
	answer := r.note(q)
	if answer == "" {
		answer = "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\n" + okay
	}
	out := record(recordStdout, answer) + record(recordStdout, "") + record(recordEnd, repeat("\x00", 8))
	if unfinished, ok := strings.CutSuffix(answer, unended); ok {
		out = record(recordStdout, unfinished)
	}
	io.WriteString(c, out)
}

// unended stands at the end of what a page says that dies before its end.
const unended = "<dies>"

func record(kind byte, content string) string {
	head := []byte{1, kind, 0, 1, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(head[4:], uint16(len(content)))
	return string(head) + content
}

// readFastCGI reads a request up to the end of its STDIN.
func readFastCGI(in io.Reader) (params map[string]string, body string, err error) {
	params = map[string]string{}
	var stdin strings.Builder
	for {
		var head [8]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return nil, "", err
		}
		size := int(binary.BigEndian.Uint16(head[4:]))
		content := make([]byte, size+int(head[6]))
		if _, err := io.ReadFull(in, content); err != nil {
			return nil, "", err
		}
		switch content = content[:size]; {
		case head[1] == recordParams:
			addPairs(params, content)
		case head[1] == recordStdin && size == 0:
			return params, stdin.String(), nil
		case head[1] == recordStdin:
			stdin.Write(content)
		}
	}
}

// addPairs reads name-value pairs. One that comes twice has both values, which
// nothing expects.
func addPairs(to map[string]string, b []byte) {
	length := func() int {
		n := int(b[0])
		if n < 0x80 {
			b = b[1:]
			return n
		}
		n = int(binary.BigEndian.Uint32(b) &^ (1 << 31))
		b = b[4:]
		return n
	}
	for len(b) > 0 {
		name, value := length(), length()
		key, val := string(b[:name]), string(b[name:name+value])
		if before, twice := to[key]; twice {
			val = before + "|" + val
		}
		to[key], b = val, b[name+value:]
	}
}

// requestOf reads CGI variables back into the request that they stand for.
func requestOf(params map[string]string, body string) request {
	q := request{line: params["REQUEST_METHOD"] + " " + params["REQUEST_URI"], body: body}
	for name, value := range params {
		field, isField := strings.CutPrefix(name, "HTTP_")
		switch {
		case name == "HTTP_HOST":
			q.host = value
		case isField:
			q.header = append(q.header, strings.ToLower(strings.ReplaceAll(field, "_", "-"))+": "+value)
		case (name == "CONTENT_TYPE" || name == "CONTENT_LENGTH") && value != "":
			q.header = append(q.header, strings.ToLower(strings.ReplaceAll(name, "_", "-"))+": "+value)
		default:
			q.header = append(q.header, variable(name)+": "+value)
		}
	}
	slices.Sort(q.header)
	return q
}

// variable is how a CGI variable that is no header field is written among those
// that are.
func variable(name string) string { return "$" + strings.ToLower(strings.ReplaceAll(name, "_", "-")) }
