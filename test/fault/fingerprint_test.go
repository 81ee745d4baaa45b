package fault

import (
	"errors"
	"testing"

	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/lockstore"
)

// TestGatesDefendTheirSecret: the wrong gate comes first to an empty Redis, as
// after a flush.
func TestGatesDefendTheirSecret(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	wrong := startGate(t, at(s), fingerprint("b"))
	var right []*gate
	for range 3 {
		right = append(right, startGate(t, at(s), fingerprint("a")))
	}
	if why := right[0].Refused(); !errors.Is(why, lockstore.ErrFingerprint) {
		t.Errorf("refused: %v", why)
	}
	eventually(t, "those that are more are right", func() bool {
		for _, g := range right {
			if g.Refused() != nil {
				return false
			}
		}
		return errors.Is(wrong.Refused(), lockstore.ErrFingerprint)
	})
	wantExpiries(t, s.Client(t))
}

// TestSecretGoesWithItsLastGate: no key has to be deleted for another one.
func TestSecretGoesWithItsLastGate(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	old := startGate(t, at(s), fingerprint("b"))
	next := startGate(t, at(s), fingerprint("a"))
	if !errors.Is(next.Refused(), lockstore.ErrFingerprint) {
		t.Errorf("refused: %v", next.Refused())
	}
	if err := old.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if g := startGate(t, at(s), fingerprint("a")); g.Refused() != nil {
		t.Errorf("refused: %v", g.Refused())
	}
	eventually(t, "the one that waited is right", func() bool { return next.Refused() == nil })
}
