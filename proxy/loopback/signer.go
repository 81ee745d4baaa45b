package loopback

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"sync"
	"time"
)

// sumSize is how much of the HMAC-SHA-256 a token carries: 128 bits.
const sumSize = 16

// Signer signs tokens and knows its own. It may be used by any number of
// goroutines.
type Signer struct {
	states sync.Pool // of *state
}

// state is one keyed HMAC and the buffers of one use of it.
type state struct {
	mac  hash.Hash
	raw  []byte
	text []byte
	sum  []byte
}

// NewSigner derives the signing key from the secret that gates share. Without a
// secret the key is random, and no other Signer knows its tokens.
func NewSigner(secret []byte) *Signer {
	if len(secret) == 0 {
		secret = make([]byte, sha256.Size)
		_, _ = rand.Read(secret) // never fails
	}
	// The secret also hashes session ids: tokens have a key of their own, so that
	// no signature is anything else's hash.
	derive := hmac.New(sha256.New, secret)
	derive.Write([]byte("sessiongate: loopback tokens"))
	key := derive.Sum(nil)
	return &Signer{states: sync.Pool{New: func() any {
		return &state{mac: hmac.New(sha256.New, key)}
	}}}
}

// Sign makes the text of a token: letters, digits, "-" and "_".
func (s *Signer) Sign(t Token) string {
	st := s.states.Get().(*state)
	defer s.states.Put(st)
	st.raw = t.append(st.raw[:0])
	st.raw = append(st.raw, st.sign(st.raw)...)
	st.text = base64.RawURLEncoding.AppendEncode(st.text[:0], st.raw)
	return string(st.text)
}

// Verify reads a token: ErrInvalid where it is none of these gates, ErrExpired,
// with the token, where its time is over at now.
func (s *Signer) Verify(text string, now time.Time) (Token, error) {
	if len(text) != textSize {
		return Token{}, ErrInvalid
	}
	st := s.states.Get().(*state)
	defer s.states.Put(st)
	var err error
	st.text = append(st.text[:0], text...)
	st.raw, err = base64.RawURLEncoding.Strict().AppendDecode(st.raw[:0], st.text)
	if err != nil || len(st.raw) != size+sumSize { // line ends are skipped
		return Token{}, ErrInvalid
	}
	content, sum := st.raw[:size], st.raw[size:]
	if !hmac.Equal(sum, st.sign(content)) {
		return Token{}, ErrInvalid
	}
	t, ok := read(content)
	switch {
	case !ok:
		return Token{}, ErrInvalid
	case !now.Before(t.Expires):
		return t, ErrExpired
	}
	return t, nil
}

// textSize is the length of every token's text.
var textSize = base64.RawURLEncoding.EncodedLen(size + sumSize)

func (st *state) sign(content []byte) []byte {
	st.mac.Reset()
	st.mac.Write(content)
	st.sum = st.mac.Sum(st.sum[:0])
	return st.sum[:sumSize]
}
