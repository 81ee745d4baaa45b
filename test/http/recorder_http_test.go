package http

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
)

// serveHTTP reads requests plainly: lines end with CRLF, a body has the length
// of its Content-Length or comes in chunks. What it cannot read so it keeps as it
// came, for then the proxy in front has not done its work.
func (r *recorder) serveHTTP(c net.Conn) {
	in := bufio.NewReader(c)
	for {
		q, err := readRequest(in)
		if err == io.EOF {
			return
		}
		if err != nil {
			q.line += unfinished
		}
		answer := r.note(q)
		if answer == "" && err == nil {
			io.WriteString(c, ordinary(q))
			continue
		}
		io.WriteString(c, strings.TrimSuffix(answer, nothing))
		return
	}
}

// unfinished stands behind the line of a request that does not come to its end.
const unfinished = " (not to be read on)"

// nothing is what an upstream says that only closes the connection.
const nothing = "<nothing>"

// ordinary is the answer to a request, over HTTP.
func ordinary(q request) string {
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n"
	if strings.HasPrefix(q.line, "HEAD ") {
		return head
	}
	return head + okay
}

func readRequest(in *bufio.Reader) (q request, err error) {
	first, err := readLine(in)
	if err != nil {
		return q, err
	}
	q.line = strings.TrimSuffix(first, " HTTP/1.1")
	var length string
	var chunked, hasHost bool
	for {
		line, err := readLine(in)
		if err != nil {
			return q, fmt.Errorf("header: %w", noEOF(err))
		}
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ": ")
		switch name = strings.ToLower(name); name {
		case "host":
			if hasHost {
				return q, fmt.Errorf("a second Host %q", value)
			}
			q.host, hasHost = value, true
			continue
		case "content-length":
			length = value
		case "transfer-encoding":
			chunked = true
		}
		q.header = append(q.header, name+": "+value)
	}
	q.body, err = readBody(in, length, chunked, func(line string) {
		name, value, _ := strings.Cut(line, ": ")
		q.header = append(q.header, "trailer "+strings.ToLower(name)+": "+value)
	})
	return q, err
}

// readBody reads a body; behind gets each line of a trailer.
func readBody(in *bufio.Reader, length string, chunked bool, behind func(string)) (string, error) {
	if chunked {
		return readChunks(in, behind)
	}
	if length == "" {
		return "", nil
	}
	n, err := strconv.ParseInt(length, 10, 64)
	if err != nil {
		return "", err
	}
	var body strings.Builder
	_, err = io.CopyN(&body, in, n)
	return body.String(), noEOF(err)
}

func readChunks(in *bufio.Reader, behind func(string)) (string, error) {
	var body strings.Builder
	for {
		size, err := readLine(in)
		if err != nil {
			return body.String(), noEOF(err)
		}
		n, err := strconv.ParseUint(size, 16, 31)
		if err != nil {
			return body.String(), err
		}
		if _, err := io.CopyN(&body, in, int64(n)); err != nil {
			return body.String(), noEOF(err)
		}
		line, err := readLine(in)
		for ; err == nil && n == 0 && line != ""; line, err = readLine(in) {
			behind(line)
		}
		if err != nil {
			return body.String(), noEOF(err)
		}
		if n == 0 {
			return body.String(), nil
		}
	}
}

// readLine reads up to CRLF, and to nothing less. A reset is an end like any other:
// what a proxy that gives a connection up closes it with is a matter of time.
func readLine(in *bufio.Reader) (string, error) {
	var line strings.Builder
	for {
		part, err := in.ReadString('\n')
		line.WriteString(part)
		if errors.Is(err, syscall.ECONNRESET) {
			err = io.EOF
		}
		if err == io.EOF && line.Len() > 0 {
			return line.String(), io.ErrUnexpectedEOF
		}
		if err != nil {
			return "", err
		}
		if whole, ok := strings.CutSuffix(line.String(), "\r\n"); ok {
			return whole, nil
		}
	}
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
