package session

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
)

// askPHP runs one page over FastCGI. It is written apart from proxy/fastcgi so
// that what PHP says here does not depend on how the gate speaks to it.
func askPHP(socket string, params map[string]string) (http.Header, []byte, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()

	var request, pairs bytes.Buffer
	for name, value := range params {
		for _, n := range []int{len(name), len(value)} {
			binary.Write(&pairs, binary.BigEndian, uint32(n)|1<<31)
		}
		pairs.WriteString(name + value)
	}
	writeRecord(&request, 1, []byte{0, 1, 0, 0, 0, 0, 0, 0}) // BEGIN_REQUEST, responder
	for pairs.Len() > 0 {
		writeRecord(&request, 4, pairs.Next(60000)) // PARAMS
	}
	writeRecord(&request, 4, nil)
	writeRecord(&request, 5, nil) // STDIN
	if _, err := conn.Write(request.Bytes()); err != nil {
		return nil, nil, err
	}
	return readAnswer(conn)
}

func writeRecord(w *bytes.Buffer, kind byte, content []byte) {
	w.Write([]byte{1, kind, 0, 1, byte(len(content) >> 8), byte(len(content)), 0, 0})
	w.Write(content)
}

func readAnswer(conn io.Reader) (http.Header, []byte, error) {
	in := bufio.NewReader(conn)
	var out, stderr bytes.Buffer
	for {
		var header [8]byte
		if _, err := io.ReadFull(in, header[:]); err != nil {
			return nil, nil, fmt.Errorf("after %q, errors %q: %w", out.String(), stderr.String(), err)
		}
		content := make([]byte, int(header[4])<<8|int(header[5])+int(header[6]))
		if _, err := io.ReadFull(in, content); err != nil {
			return nil, nil, err
		}
		content = content[:len(content)-int(header[6])]
		switch header[1] {
		case 3: // END_REQUEST
			return splitAnswer(&out)
		case 6:
			out.Write(content)
		case 7:
			stderr.Write(content)
		}
	}
}

func splitAnswer(out *bytes.Buffer) (http.Header, []byte, error) {
	head, body, _ := strings.Cut(out.String(), "\r\n\r\n")
	h, err := textproto.NewReader(bufio.NewReader(strings.NewReader(head + "\r\n\r\n"))).ReadMIMEHeader()
	return http.Header(h), []byte(body), err
}
