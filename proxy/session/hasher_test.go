package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"sync"
	"testing"

	"github.com/sessiongate/sessiongate/lockstore"
)

func TestKeyIsTruncatedHMAC(t *testing.T) {
	mac := hmac.New(sha256.New, []byte("secret"))
	mac.Write([]byte("abc\x00group"))
	want := lockstore.Key(mac.Sum(nil)[:16])

	h := NewHasher([]byte("secret"))
	for range 3 { // also from a pooled state
		if got := h.Key("abc", "group"); got != want {
			t.Fatalf("got %x, want %x", got, want)
		}
	}
}

func TestKeysDiffer(t *testing.T) {
	h, other := NewHasher([]byte("secret")), NewHasher(nil)
	keys := map[lockstore.Key]string{}
	for name, key := range map[string]lockstore.Key{
		"id":                     h.Key("abc", ""),
		"another id":             h.Key("abd", ""),
		"a group":                h.Key("abc", "x"),
		"the group in the id":    h.Key("abcx", ""),
		"another cut":            h.Key("ab", "cx"),
		"another secret":         other.Key("abc", ""),
		"another secret, group":  other.Key("abc", "x"),
		"the longest imaginable": h.Key(string(make([]byte, 64<<10)), ""),
	} {
		if twin, taken := keys[key]; taken {
			t.Errorf("%s and %s have one key", name, twin)
		}
		keys[key] = name
	}
}

func TestHasherOwnsItsSecret(t *testing.T) {
	secret := []byte("secret")
	h := NewHasher(secret)
	secret[0] = 'X'
	if h.Key("a", "") != NewHasher([]byte("secret")).Key("a", "") {
		t.Error("a change of the caller's bytes changed the keys")
	}
}

func TestHasherServesManyAtOnce(t *testing.T) {
	h := NewHasher([]byte("secret"))
	want := [2]lockstore.Key{h.Key("a", ""), h.Key("b", "g")}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if h.Key("a", "") != want[0] || h.Key("b", "g") != want[1] {
					t.Error("a key changed")
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkKey(b *testing.B) {
	h := NewHasher([]byte("0123456789abcdef0123456789abcdef"))
	b.ReportAllocs()
	for b.Loop() {
		h.Key("0123456789abcdefghijklmnop", "")
	}
}

func TestFingerprintTellsSecretsApart(t *testing.T) {
	h, other, unkeyed := NewHasher([]byte("secret")), NewHasher([]byte("secres")), NewHasher(nil)
	first := h.Fingerprint()
	h.Key("abc", "") // what a pooled state was used for before does not count
	if h.Fingerprint() != first || NewHasher([]byte("secret")).Fingerprint() != first {
		t.Error("one secret has two fingerprints")
	}
	if len(first) != 2*sha256.Size || first == other.Fingerprint() || first == unkeyed.Fingerprint() {
		t.Errorf("%s, %s and %s are to be three, in hexadecimal", first, other.Fingerprint(), unkeyed.Fingerprint())
	}
}
