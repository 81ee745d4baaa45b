package proxy

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/sessiongate/sessiongate/proxy/balance"
)

// slotted is a chaotic server with slots, which watches that no more are taken.
type slotted struct {
	*chaos
	slots int
	taken atomic.Int64
}

func (s *slotted) serve(r *http.Request) (resp *http.Response, err error) {
	if n := s.taken.Add(1); n > int64(s.slots) {
		s.Errorf("%d requests on a server with %d slots", n, s.slots)
	}
	answered := false
	defer func() {
		if !answered { // it panics
			s.taken.Add(-1)
		}
	}()
	if s.roll(4) == 0 {
		return refuses(r)
	}
	if resp, err = s.php(r); err == nil {
		answered = true
		resp.Body = &slottedBody{ReadCloser: resp.Body, slotted: s}
	}
	return resp, err
}

// slottedBody counts its request out when it is closed.
type slottedBody struct {
	io.ReadCloser
	*slotted
	once sync.Once
}

func (b *slottedBody) Close() error {
	b.once.Do(func() { b.taken.Add(-1) })
	return b.ReadCloser.Close()
}

// Whatever clients and servers do: no server has more than its slots, and each
// slot is given back exactly once.
func TestEverySlotIsGivenBackOnce(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := balance.Options{Method: balance.Method(seed % 3), Fall: 3, MaxInFlightPerClient: int(seed % 4), MaxQueued: int(seed % 5)}
				var pool *balance.Pool
				b := walk(t, seed, seed%2 == 0, func(b *bench, c *chaos) {
					b.trust("192.0.2.0/24") // httptest's clients
					pool = balance.New(o, slottedServers(c)...)
					b.upstream().Servers = pool
				})
				if seed%3 == 0 {
					b.gate.Abort()
				}
				if err := b.gate.Drain(t.Context()); err != nil {
					t.Fatal(err)
				}
				wantAllSlots(t, pool, o.MaxInFlightPerClient)
			})
		})
	}
}

func slottedServers(c *chaos) []*balance.Server {
	var list []*balance.Server
	for i := range 3 {
		s := &slotted{chaos: c, slots: 1 + i%2}
		one := balance.NewServer(fmt.Sprint(i), upstreamFunc(s.serve))
		one.MaxInFlight = s.slots
		list = append(list, one)
	}
	return list
}

// wantAllSlots expects that nobody has a slot, and that each client may have as
// many as one may.
func wantAllSlots(t *testing.T, pool *balance.Pool, perClient int) {
	t.Helper()
	for _, s := range pool.Status() {
		if s.InFlight != 0 {
			t.Errorf("%d slots of server %s were not given back", s.InFlight, s.Server.Address)
		}
	}
	for i := range 3 {
		client := fmt.Sprint("10.0.0.", i)
		for range perClient - 1 {
			if _, err := pool.Force(balance.Request{Client: client}); err != nil {
				t.Fatal(err)
			}
		}
		if _, own := pool.Outlook(client); own && perClient > 0 {
			t.Errorf("slots are counted as those of client %s that nobody has", client)
		}
	}
}
