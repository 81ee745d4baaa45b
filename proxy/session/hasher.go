package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"sync"

	"github.com/sessiongate/sessiongate/lockstore"
)

// Hasher makes lock keys from session ids: HMAC-SHA-256 under the operator's
// secret, truncated to 128 bits. Who reads a key learns nothing of the id, and
// whoever lacks the secret cannot look for the key of an id they know.
//
// All gates of one fleet need the same secret. Without a secret the hash is
// unkeyed: still one way for PHP's own random ids, but not for ids that can be
// guessed. A Hasher may be used by any number of goroutines.
type Hasher struct {
	states sync.Pool // of *hashState
}

// hashState is one keyed HMAC and the buffers of one use of it.
type hashState struct {
	mac hash.Hash
	msg []byte
	sum [sha256.Size]byte
}

// NewHasher copies the secret; it may be empty.
func NewHasher(secret []byte) *Hasher {
	key := append([]byte(nil), secret...)
	return &Hasher{states: sync.Pool{New: func() any {
		return &hashState{mac: hmac.New(sha256.New, key)}
	}}}
}

// Fingerprint tells one secret from another without giving it away: gates with
// different fingerprints make different keys of the same id. It is the same at
// every start, in hexadecimal.
func (h *Hasher) Fingerprint() string {
	s := h.states.Get().(*hashState)
	defer h.states.Put(s)

	s.mac.Reset()
	s.mac.Write([]byte("sessiongate: fingerprint of the secret")) // no NUL: Key makes no such bytes
	return hex.EncodeToString(s.mac.Sum(s.sum[:0]))
}

// Key returns the key of one line of a session: the session's own where
// lockGroup is "", else that of a line of its own within the session.
func (h *Hasher) Key(id, lockGroup string) lockstore.Key {
	s := h.states.Get().(*hashState)
	defer h.states.Put(s)

	// An id holds no NUL (see canonical), so no other pair gives these bytes.
	s.msg = append(s.msg[:0], id...)
	s.msg = append(s.msg, 0)
	s.msg = append(s.msg, lockGroup...)

	s.mac.Reset()
	s.mac.Write(s.msg)
	return lockstore.Key(s.mac.Sum(s.sum[:0])[:len(lockstore.Key{})])
}
