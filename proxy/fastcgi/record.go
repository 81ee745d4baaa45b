package fastcgi

import (
	"encoding/binary"
	"fmt"
)

// recordType is the second byte of a record (specification, section 8).
type recordType uint8

const (
	typeBeginRequest recordType = 1
	typeEndRequest   recordType = 3
	typeParams       recordType = 4
	typeStdin        recordType = 5
	typeStdout       recordType = 6
	typeStderr       recordType = 7
)

const (
	version1      = 1
	roleResponder = 1
	// requestID is the same on every connection, which carries one request.
	requestID  = 1
	headerSize = 8
	// maxContent is what the two length bytes of a record can say.
	maxContent = 65535
	// endSize is the content of an END_REQUEST record.
	endSize = 8
)

// Protocol status of an END_REQUEST record.
const (
	statusComplete   = 0
	statusCantMpx    = 1
	statusOverloaded = 2
	statusRole       = 3
)

// putHeader writes a record header over the first eight bytes of b.
func putHeader(b []byte, t recordType, content int) {
	_ = b[headerSize-1]
	b[0], b[1] = version1, byte(t)
	binary.BigEndian.PutUint16(b[2:], requestID)
	binary.BigEndian.PutUint16(b[4:], uint16(content))
	b[6], b[7] = 0, 0 // PHP needs no padding
}

// appendRecord appends a whole record; content is at most maxContent bytes.
func appendRecord(b []byte, t recordType, content []byte) []byte {
	var header [headerSize]byte
	putHeader(header[:], t, len(content))
	return append(append(b, header[:]...), content...)
}

// appendBegin appends BEGIN_REQUEST: responder, and no FCGI_KEEP_CONN.
func appendBegin(b []byte) []byte {
	return appendRecord(b, typeBeginRequest, []byte{0, roleResponder, 0, 0, 0, 0, 0, 0})
}

// end is what an END_REQUEST record says.
type end struct {
	app      uint32 // exit status of the script; PHP's is 0, or 255 after a fatal error
	protocol uint8
}

// err is nil when the request was carried out.
func (e end) err() error {
	switch e.protocol {
	case statusComplete:
		return nil
	case statusOverloaded:
		return ErrOverloaded
	case statusCantMpx:
		return fmt.Errorf("%w: it cannot multiplex connections", ErrRefused)
	case statusRole:
		return fmt.Errorf("%w: it is no responder", ErrRefused)
	default:
		return fmt.Errorf("%w: protocol status %d", ErrBadResponse, e.protocol)
	}
}
