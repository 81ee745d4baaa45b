package main

import (
	"strings"
	"testing"
	"time"
)

func newBooks() *ledger {
	return &ledger{sessions: map[string]*account{}, latches: map[string]chan struct{}{}, began: map[string]time.Time{}}
}

func TestLedgerBooksWhatGatesMustPrevent(t *testing.T) {
	l := newBooks()
	first := l.begin("s", 5, "")
	second := l.begin("s", 4, "") // beside the first, and with an older fence
	l.end("s", first+1)
	l.end("s", second+1)
	l.end("s", l.begin("s", 5, "")+1) // a fence that has been there
	l.end("s", l.begin("s", 0, "")+1)
	got, err := l.audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := account{value: 3, runs: 4, overlaps: 1, stale: 2, unfenced: 1}
	if got != want {
		t.Errorf("audit = %+v, want %+v", got, want)
	}
}

func TestLedgerKeepsSessionsApart(t *testing.T) {
	l := newBooks()
	a, b := l.begin("a", 7, ""), l.begin("b", 3, "")
	l.end("b", b+1)
	l.end("a", a+1)
	got, err := l.audit(t.Context())
	if want := (account{value: 2, runs: 2}); err != nil || got != want {
		t.Errorf("audit = %+v, %v, want %+v", got, err, want)
	}
}

func TestGateConfigNamesRedisOnlyWhereThereIsOne(t *testing.T) {
	alone := gateConfig{lock: "ttl: 3s"}
	if y := alone.yaml(":0"); strings.Contains(y, "redis") || !strings.Contains(y, "lock: {ttl: 3s}") {
		t.Errorf("a gate alone:\n%s", y)
	}
	shared := gateConfig{lock: "ttl: 3s", redis: "127.0.0.1:1", redisPool: 2}
	y := shared.yaml(":0")
	for _, want := range []string{`redis: {addresses: ["127.0.0.1:1"], pool_size: 2}`, "lock: {store: redis, ttl: 3s}"} {
		if !strings.Contains(y, want) {
			t.Errorf("no %s in\n%s", want, y)
		}
	}
	if said := shared.said(); strings.Contains(said, "127.0.0.1") || !strings.Contains(said, "pool_size: 2") {
		t.Errorf("the report says %q", said)
	}
}
