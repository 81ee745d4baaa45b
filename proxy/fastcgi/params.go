package fastcgi

import (
	"encoding/binary"
	"strings"
)

// params encodes name-value pairs into PARAMS records. A pair is never split
// over two records: the specification allows it, but PHP (fcgi_get_params)
// reads each record by itself and drops the request as malformed.
type params struct {
	buf  []byte
	open int // where the header of the record under way stands; -1: none
	// fixed are names that the configuration sets; they are left out here.
	fixed map[string]struct{}
	name  []byte // scratch
	err   error
}

// add encodes one variable, unless the configuration sets it or its value holds
// a byte that no header and no path may hold.
func (p *params) add(name, value string) {
	if p.isFixed(name) || !clean(value) {
		return
	}
	if p.room(len(name), len(value)) {
		p.buf = append(append(p.buf, name...), value...)
	}
}

// addJoined encodes the values of one header as one variable.
func (p *params) addJoined(name []byte, values []string, separator string) {
	size := len(separator) * (len(values) - 1)
	for _, v := range values {
		if !clean(v) {
			return
		}
		size += len(v)
	}
	if _, taken := p.fixed[string(name)]; taken || len(values) == 0 || !p.room(len(name), size) {
		return
	}
	p.buf = append(p.buf, name...)
	for i, v := range values {
		if i > 0 {
			p.buf = append(p.buf, separator...)
		}
		p.buf = append(p.buf, v...)
	}
}

// addEncoded appends pairs that were encoded before, at most maxContent bytes.
func (p *params) addEncoded(pairs []byte) {
	p.reserve(len(pairs))
	p.buf = append(p.buf, pairs...)
}

func (p *params) isFixed(name string) bool {
	if len(p.fixed) == 0 {
		return false
	}
	_, ok := p.fixed[name]
	return ok
}

// room makes place for a pair and encodes its lengths.
func (p *params) room(name, value int) bool {
	size := sizeOfLength(name) + sizeOfLength(value) + name + value
	if size > maxContent {
		p.err = ErrParamTooLarge
		return false
	}
	p.reserve(size)
	p.buf = appendLength(appendLength(p.buf, name), value)
	return true
}

// reserve begins a new record where the one under way has too little room.
func (p *params) reserve(size int) {
	if p.open >= 0 && len(p.buf)-p.open-headerSize+size > maxContent {
		p.finish()
	}
	if p.open < 0 {
		p.open = len(p.buf)
		p.buf = append(p.buf, make([]byte, headerSize)...)
	}
}

// finish closes the record under way.
func (p *params) finish() {
	if p.open >= 0 {
		putHeader(p.buf[p.open:], typeParams, len(p.buf)-p.open-headerSize)
		p.open = -1
	}
}

// appendPair encodes one pair outside of a record.
func appendPair(b []byte, name, value string) []byte {
	b = appendLength(appendLength(b, len(name)), len(value))
	return append(append(b, name...), value...)
}

func sizeOfLength(n int) int {
	if n < 0x80 {
		return 1
	}
	return 4
}

func appendLength(b []byte, n int) []byte {
	if n < 0x80 {
		return append(b, byte(n))
	}
	return binary.BigEndian.AppendUint32(b, uint32(n)|1<<31)
}

// clean tells whether a value may be passed on. The bytes end lines and
// strings, somewhere behind PHP.
func clean(value string) bool {
	return strings.IndexByte(value, 0) < 0 && strings.IndexByte(value, '\r') < 0 && strings.IndexByte(value, '\n') < 0
}
