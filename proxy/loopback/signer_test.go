package loopback

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sessiongate/sessiongate/lockstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.UnixMilli(1_800_000_000_000)

func sample() Token {
	return Token{Gate: 0xfedcba9876543210, Request: 7, Session: lockstore.Key{1, 15: 255}, Fence: 1 << 60, Depth: 2, Expires: noon.Add(time.Minute)}
}

func TestATokenIsReadAsItWasMade(t *testing.T) {
	for _, secret := range []string{"", "the secret of all gates"} {
		s := NewSigner([]byte(secret))
		text := s.Sign(sample())
		got, err := s.Verify(text, noon)
		if err != nil || got != sample() {
			t.Errorf("secret %q: got %+v, %v", secret, got, err)
		}
		if strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("%q has characters that headers may not have everywhere", text)
		}
	}
}

func TestGatesOfOneSecretReadEachOthersTokens(t *testing.T) {
	text := NewSigner([]byte("one")).Sign(sample())
	if _, err := NewSigner([]byte("one")).Verify(text, noon); err != nil {
		t.Error(err)
	}
	if _, err := NewSigner([]byte("other")).Verify(text, noon); !errors.Is(err, ErrInvalid) {
		t.Errorf("with another secret: %v", err)
	}
	if _, err := NewSigner(nil).Verify(NewSigner(nil).Sign(sample()), noon); !errors.Is(err, ErrInvalid) {
		t.Errorf("two gates without a secret: %v", err)
	}
}

func TestATokenEnds(t *testing.T) {
	s := NewSigner(nil)
	text := s.Sign(sample())
	if _, err := s.Verify(text, sample().Expires.Add(-time.Millisecond)); err != nil {
		t.Error(err)
	}
	if got, err := s.Verify(text, sample().Expires); !errors.Is(err, ErrExpired) || got != sample() {
		t.Errorf("at its end: %+v, %v", got, err)
	}
}

// Each bit of a token counts, and so does its spelling.
func TestATokenThatWasChangedIsNone(t *testing.T) {
	s := NewSigner(nil)
	text := s.Sign(sample())
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	var forged []string
	for bit := range len(raw) * 8 {
		raw[bit/8] ^= 1 << (bit % 8)
		forged = append(forged, base64.RawURLEncoding.EncodeToString(raw))
		raw[bit/8] ^= 1 << (bit % 8)
	}
	last := text[len(text)-1]
	forged = append(forged, "", "x", text[1:], text+"A", " "+text[1:], text[:len(text)-1]+string(last+1), text[:len(text)-1]+"\n", strings.Repeat("\n", len(text)), strings.Repeat("A", len(text)))
	for _, f := range forged {
		if got, err := s.Verify(f, noon); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %+v, %v", f, got, err)
		}
	}
}

// A token of a version to come is not read as one of this.
func TestATokenOfAnotherVersionIsNone(t *testing.T) {
	s := NewSigner(nil)
	st := s.states.Get().(*state)
	raw := sample().append(nil)
	raw[0] = version + 1
	raw = append(raw, st.sign(raw)...)
	if _, err := s.Verify(base64.RawURLEncoding.EncodeToString(raw), noon); !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

// Properties: nothing but what was signed is taken, and reading never fails in
// another way.
func FuzzVerify(f *testing.F) {
	s := NewSigner([]byte("secret"))
	text := s.Sign(sample())
	f.Add(text)
	f.Add(text[:40] + "AAAA" + text[44:])
	f.Add("")
	f.Fuzz(func(t *testing.T, given string) {
		got, err := s.Verify(given, noon)
		if (err == nil) != (given == text) || err == nil && got != sample() {
			t.Errorf("%q: %+v, %v", given, got, err)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	s := NewSigner(nil)
	b.ReportAllocs()
	for b.Loop() {
		s.Sign(sample())
	}
}

func BenchmarkVerify(b *testing.B) {
	s := NewSigner(nil)
	text := s.Sign(sample())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Verify(text, noon); err != nil {
			b.Fatal(err)
		}
	}
}
