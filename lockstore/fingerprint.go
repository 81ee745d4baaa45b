package lockstore

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"time"
)

//go:embed fingerprint.lua
var fingerprintSource string

const (
	fingerprintKept    = 30 * time.Second // a gate that is not heard of
	fingerprintSettled = 5 * time.Second  // until a gate counts against those that were there first
	compareEvery       = 10 * time.Second // several times while a gate is kept
	disputeEvery       = 2 * time.Second  // by a gate whose fingerprint does not count: others may join it
)

// fingerprints is the key under which gates say how they hash.
func (o *RedisOptions) fingerprints() string { return o.Prefix + "fingerprints" }

// compareFingerprint says how this gate hashes, and refuses where another
// fingerprint counts.
func (w *wire) compareFingerprint(ctx context.Context) (refusal, err error) {
	if w.options.Fingerprint == "" {
		return nil, nil
	}
	sum := sha256.Sum256([]byte(w.options.Fingerprint)) // the script splits at spaces and commas
	counts, err := w.sayFingerprint(ctx, hex.EncodeToString(sum[:8]))
	if err == nil && !counts {
		refusal = ErrFingerprint
	}
	return refusal, err
}

// leave has this gate's fingerprint count no longer.
func (w *wire) leave(ctx context.Context) error {
	if w.options.Fingerprint == "" {
		return nil
	}
	_, err := w.sayFingerprint(ctx, "")
	return err
}

func (w *wire) sayFingerprint(ctx context.Context, mine string) (counts bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.options.Timeout)
	defer cancel()
	return w.side.Eval(ctx, fingerprintSource, []string{w.options.fingerprints()},
		w.gate, mine, fingerprintKept.Milliseconds(), fingerprintSettled.Milliseconds()).Bool()
}
