package lockstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// fleet plays gates that say their fingerprints at times of the test's own.
type fleet struct {
	t      *testing.T
	server *miniredis.Miniredis
	client *redis.Client
	begin  time.Time
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t, server: miniredis.RunT(t), begin: time.Now()}
	f.client = redis.NewClient(&redis.Options{Addr: f.server.Addr()})
	t.Cleanup(func() { _ = f.client.Close() })
	return f
}

// says has a gate say its fingerprint so many seconds after the beginning.
func (f *fleet) says(second int, gate, mine string) bool {
	f.t.Helper()
	f.server.SetTime(f.begin.Add(time.Duration(second) * time.Second))
	counts, err := f.client.Eval(f.t.Context(), fingerprintSource, []string{"fingerprints"}, gate, mine, 60_000, 5_000).Bool()
	if err != nil {
		f.t.Fatal(err)
	}
	if left := f.server.TTL("fingerprints"); left != time.Minute {
		f.t.Errorf("it is kept for %s", left)
	}
	return counts
}

func (f *fleet) want(counts bool, second int, gate, mine string) {
	f.t.Helper()
	if got := f.says(second, gate, mine); got != counts {
		state, _ := f.server.Get("fingerprints")
		f.t.Errorf("at %d s %s with %s: counts %v, want %v; %s", second, gate, mine, got, counts, state)
	}
}

func TestFingerprintOfMostGatesCounts(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.want(true, 0, "1", "wrong")
	f.want(false, 1, "2", "right")
	f.want(false, 2, "3", "right")
	f.want(true, 10, "1", "wrong") // the others have only come
	f.want(false, 11, "2", "right")
	f.want(true, 12, "3", "right")
	f.want(false, 20, "1", "wrong")
	f.want(true, 21, "2", "right")
	f.want(true, 22, "4", "right") // nobody has to wait to join most
	f.want(false, 23, "5", "third")
}

func TestAmongEqualFingerprintsTheFirstCounts(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.want(true, 0, "1", "a")
	for second := 1; second < 100; second += 10 {
		f.want(false, second, "2", "b")
		f.want(true, second+1, "1", "a")
	}
	f.want(true, 101, "1", "")
	f.want(true, 102, "2", "b")
}

func TestGateThatComesAgainAndAgainCountsForNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.want(true, 0, "right", "a")
	f.want(true, 10, "right", "a")
	for start := range 40 {
		f.want(false, 11+start, fmt.Sprint("wrong", start), "b")
	}
	f.want(true, 51, "right", "a")
}

func TestGateThatIsNotHeardOfIsForgotten(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.want(true, 0, "1", "a")
	f.want(true, 10, "1", "a")
	f.want(false, 69, "2", "b")
	f.want(true, 70, "2", "b")
}

func TestGateWithAnotherFingerprintThanBeforeBeginsAnew(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.want(true, 0, "1", "a")
	f.want(true, 10, "1", "a")
	f.want(true, 11, "1", "b")
	f.want(false, 12, "2", "a")
}

func TestFingerprintsOutliveAClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.want(true, 1000, "1", "a")
	f.want(true, 1010, "1", "a")
	f.want(false, 0, "2", "b")
	f.want(true, 10, "1", "a")
	f.want(true, 71, "2", "b")
}
