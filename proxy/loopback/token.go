package loopback

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/sessiongate/sessiongate/lockstore"
)

// Token names a request that runs at an upstream.
type Token struct {
	Gate    uint64        // random, of the gate's start
	Request uint64        // counted by the gate, never 0
	Session lockstore.Key // whose turn it runs under
	Fence   uint64        // of that turn; 0: none
	Depth   uint16        // how many requests have called each other before it
	Expires time.Time     // in milliseconds
}

// Why a token does not count.
var (
	// ErrInvalid: it is no token, or another secret has signed it.
	ErrInvalid = errors.New("loopback: not a token of these gates")
	// ErrExpired: it was one.
	ErrExpired = errors.New("loopback: the token has expired")
)

// version is the first byte: gates of other versions do not guess.
const version = 1

// size is the bytes of a token without its signature.
const size = 1 + 8 + 8 + len(lockstore.Key{}) + 8 + 2 + 8

func (t Token) append(b []byte) []byte {
	b = append(b, version)
	b = binary.BigEndian.AppendUint64(b, t.Gate)
	b = binary.BigEndian.AppendUint64(b, t.Request)
	b = append(b, t.Session[:]...)
	b = binary.BigEndian.AppendUint64(b, t.Fence)
	b = binary.BigEndian.AppendUint16(b, t.Depth)
	return binary.BigEndian.AppendUint64(b, uint64(t.Expires.UnixMilli()))
}

// read is the reverse of append; b has the right size and is signed.
func read(b []byte) (t Token, ok bool) {
	if b[0] != version {
		return Token{}, false
	}
	take := func(n int) []byte {
		var part []byte
		part, b = b[:n], b[n:]
		return part
	}
	take(1)
	t.Gate = binary.BigEndian.Uint64(take(8))
	t.Request = binary.BigEndian.Uint64(take(8))
	copy(t.Session[:], take(len(t.Session)))
	t.Fence = binary.BigEndian.Uint64(take(8))
	t.Depth = binary.BigEndian.Uint16(take(2))
	t.Expires = time.UnixMilli(int64(binary.BigEndian.Uint64(take(8))))
	return t, true
}
