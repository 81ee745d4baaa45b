package limiter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/redistest"
)

// countingClient counts pipelines.
type countingClient struct {
	*redis.Client
	pipelines atomic.Int64
}

func (c *countingClient) Pipeline() redis.Pipeliner {
	c.pipelines.Add(1)
	return c.Client.Pipeline()
}

// quickClient has short time-outs and sends nothing twice.
func quickClient(t *testing.T, server *redistest.Server) *redis.Client {
	t.Helper()
	o := server.ClientOptions()
	o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = -1, 1, true
	client := redis.NewClient(o)
	t.Cleanup(func() { client.Close() })
	return client
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestRedisIsAskedOnceARequestAndNotAboutWhatItHasRefused(t *testing.T) {
	client := &countingClient{Client: redistest.Start(t).Client(t)}
	s := realStage(openRedis(t, RedisOptions{Client: client, Timeout: 10 * time.Second}))
	set := s.set(t, Limit{Name: "a", Rate: every(long), Burst: 5}, Limit{Name: "b", Rate: every(long), Burst: 2}, Limit{Name: "c", Rate: every(long), Burst: 5})
	ask := func() bool {
		return set.Take(t.Context(), time.Now(), []Ask{{Limiter: set.Limiter("a")}, {Limiter: set.Limiter("b")}, {Limiter: set.Limiter("c")}})
	}
	// The first has to say what the script is; the third is refused, and a and c
	// get back what they were charged.
	for i, want := range []int64{2, 3, 5, 5, 5} {
		if passes := ask(); passes != (i < 2) || client.pipelines.Load() != want {
			t.Fatalf("request %d: passes %v, %d pipelines, want %d", i, passes, client.pipelines.Load(), want)
		}
	}
	if d := s.take(set, "a", All); d.Remaining != 2 {
		t.Errorf("of a remain %+v", d)
	}
}

func TestWhatIsGivenBackCanBeHadAtOnce(t *testing.T) {
	s := redisStage(t, redistest.Start(t).Client(t))
	set := s.set(t, Limit{Name: "a", Rate: every(long), Burst: 1}, Limit{Name: "b", Rate: every(long), Burst: 1})
	s.take(set, "b", All)
	// While the only request of a is charged to one that b will refuse, another is
	// refused by a: that must not be remembered when the first has given it back.
	a := set.Limiter("a")
	a.state.debtors.note(All, Decision{RetryAfter: long}, s.now())
	if d := s.take(set, "a", All); d.Allowed {
		t.Fatalf("the refusal is not remembered: %+v", d)
	}
	giveBack(t.Context(), s.now(), []Ask{{Limiter: a, asked: true, Decision: Decision{Allowed: true}}})
	if d := s.take(set, "a", All); !d.Allowed {
		t.Errorf("after it was given back: %+v", d)
	}
}

// A request may be asked about by limits of several sets: each is counted where its
// own set counts, and given back there.
func TestALimiterIsAskedInItsOwnRedisWhicheverSetAsks(t *testing.T) {
	var counts [2]*countingClient
	var asks []Ask
	for i, burst := range []int{5, 1} {
		counts[i] = &countingClient{Client: redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr(), MaxRetries: -1})}
		defer counts[i].Close()
		s := realStage(openRedis(t, RedisOptions{Client: counts[i], Timeout: 10 * time.Second}))
		asks = append(asks, Ask{Limiter: s.set(t, Limit{Name: "a", Rate: every(long), Burst: burst}).Limiter("a")})
	}
	of := func(i int) Decision {
		one := asks[i : i+1]
		new(Set).Take(t.Context(), time.Now(), one)
		return one[0].Decision
	}
	if !new(Set).Take(t.Context(), time.Now(), asks) {
		t.Fatalf("%+v", asks)
	}
	asks[1].Limiter.state.debtors.forgive(All)
	if new(Set).Take(t.Context(), time.Now(), asks) || Refusal(asks) != &asks[1] {
		t.Errorf("beyond the second limit: %+v", asks)
	}
	for i, want := range []int64{4, 3} { // twice for the script that was not known, a charge, and what the first gets back
		if n := counts[i].pipelines.Load(); n != want {
			t.Errorf("Redis %d was asked %d times, want %d", i, n, want)
		}
	}
	if d := of(0); !d.Allowed || d.StandIn || d.Remaining != 3 {
		t.Errorf("the first limit was not given back what it was charged: %+v", d)
	}
}

// A password that Redis does not take must show as what it is.
func TestARefusedLogInIsToldAsSuch(t *testing.T) {
	server := redistest.Start(t, redistest.Password("", "hunter2"))
	o := server.ClientOptions()
	o.MaxRetries, o.Password = -1, "wrong"
	client := redis.NewClient(o)
	defer client.Close()
	var said []error
	s := realStage(openRedis(t, RedisOptions{Client: client, Timeout: 10 * time.Second, Failed: func(err error) { said = append(said, err) }}))
	set := s.set(t, Limit{Name: "a", Rate: every(long), Burst: 5}, Limit{Name: "b", Rate: every(long), Burst: 5})
	set.Take(t.Context(), time.Now(), []Ask{{Limiter: set.Limiter("a")}, {Limiter: set.Limiter("b")}})
	if len(said) != 2 {
		t.Errorf("%d calls have failed", len(said))
	}
	for _, err := range said {
		if !strings.Contains(err.Error(), "WRONGPASS") {
			t.Errorf("a call failed with %v", err)
		}
	}
}

// Keys may be made up, as session ids are: each that Redis is asked about takes
// memory there, too, which the gates have for their locks.
func TestAFloodOfKeysFillsNoRedis(t *testing.T) {
	const keys, perHour = 10, 4
	client := redistest.Start(t).Client(t)
	s := realStage(openRedis(t, RedisOptions{Client: client, Timeout: 10 * time.Second}))
	limit := Limit{Name: "a", Key: "session", Rate: every(long), Burst: perHour, Scope: ScopeShared, Enforce: true}
	set, err := New(Options{Limits: []Limit{limit}, Redis: s.redis, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	offender, good := TextKey("offender").From(address(1)), TextKey("good").From(address(2))
	for s.take(set, "a", offender).Allowed {
	}
	s.take(set, "a", good)
	passed := 0
	for i := range 200 {
		if s.take(set, "a", TextKey(fmt.Sprint(i)).From(address(3))).Allowed {
			passed++
		}
	}
	if want := keys - 2 + perHour; passed != want {
		t.Errorf("%d of the flood pass, want %d: those that have room, and what a network may", passed, want)
	}
	if n := client.DBSize(t.Context()).Val(); n != keys {
		t.Errorf("Redis has %d keys, want %d", n, keys)
	}
	if d := s.take(set, "a", offender); d.Allowed || d.ByNetwork {
		t.Errorf("who was refused before: %+v", d)
	}
	if d := s.take(set, "a", good); !d.Allowed || d.Remaining != perHour-2 {
		t.Errorf("who was known before: %+v", d)
	}
	if st := set.Limiter("a").Stats(); st.Keys != keys || st.Networks != 1 || st.ByNetwork != 200-(keys-2) {
		t.Errorf("%+v", st)
	}
}

// What a network has been charged for a key without room stands in this process.
func TestWhatANetworkWasChargedIsNotGivenBackInRedis(t *testing.T) {
	client := redistest.Start(t).Client(t)
	s := realStage(openRedis(t, RedisOptions{Client: client, Timeout: 10 * time.Second}))
	limits := []Limit{hourly("wide", 3, true), hourly("narrow", 1, true)}
	limits[0].Scope, limits[1].Scope = ScopeShared, ScopeShared
	set, err := New(Options{Limits: limits, Redis: s.redis, Keys: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		asks := []Ask{{Limiter: set.Limiter("wide"), Key: TextKey(fmt.Sprint(i))}, {Limiter: set.Limiter("narrow"), Key: All}}
		passes := set.Take(t.Context(), s.now(), asks)
		if wide := asks[0].Decision; passes != (i == 0) || i > 0 && (!wide.ByNetwork || wide.Remaining != 3) {
			t.Fatalf("request %d passes: %v, %+v", i, passes, wide)
		}
	}
}

func TestAStandInGetsBackWhatItWasCharged(t *testing.T) {
	server := redistest.Start(t)
	s := realStage(openRedis(t, RedisOptions{Client: quickClient(t, server), Timeout: 10 * time.Second}))
	set := s.set(t, Limit{Name: "wide", Rate: every(long), Burst: 5}, Limit{Name: "narrow", Rate: every(long), Burst: 1})
	server.Kill()
	for i := range 8 {
		asks := []Ask{{Limiter: set.Limiter("wide")}, {Limiter: set.Limiter("narrow")}}
		if passes := set.Take(t.Context(), s.now(), asks); passes != (i == 0) || asks[0].Decision.Remaining != 4 {
			t.Fatalf("request %d passes: %v, %+v", i, passes, asks[0].Decision)
		}
	}
}

func TestAllGatesTogetherKeepToTheLimit(t *testing.T) {
	server := redistest.Start(t)
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 3 {
		s := redisStage(t, server.Client(t))
		set := s.set(t, Limit{Name: "a", Rate: every(long), Burst: 100})
		for range 4 {
			all.Go(func() {
				for range 25 {
					if s.take(set, "a", All).Allowed {
						passed.Add(1)
					}
				}
			})
		}
	}
	all.Wait()
	if passed.Load() != 100 {
		t.Errorf("%d of 300 passed, of a burst of 100", passed.Load())
	}
}

func TestScriptIsSentAgainWhereRedisHasForgottenIt(t *testing.T) {
	server := redistest.Start(t)
	s := redisStage(t, server.Client(t))
	set := s.set(t, Limit{Name: "a", Rate: every(long), Burst: 9})
	for i := range 3 {
		if d := s.take(set, "a", All); d.StandIn || d.Remaining != 8-i {
			t.Fatalf("request %d: %+v", i, d)
		}
		if err := server.Client(t).ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// awayWatch takes in what Redis reports.
type awayWatch struct {
	mu   sync.Mutex
	said []bool
}

func (w *awayWatch) away(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, err != nil)
}

func (w *awayWatch) heard() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprint(w.said)
}

func TestLimitsHoldLocallyWhileRedisIsAway(t *testing.T) {
	server := redistest.Start(t)
	var watch awayWatch
	var failures atomic.Int64
	s := realStage(openRedis(t, RedisOptions{
		Client: quickClient(t, server), Timeout: 10 * time.Second,
		Away: watch.away, Failed: func(error) { failures.Add(1) },
	}))
	set := s.set(t, Limit{Name: "a", Rate: every(long), Burst: 9})
	for range 4 {
		if d := s.take(set, "a", All); !d.Allowed || d.StandIn {
			t.Fatalf("with Redis: %+v", d)
		}
	}
	server.Kill()
	for i := range 12 {
		if d := s.take(set, "a", All); !d.StandIn || d.Allowed != (i < 9) {
			t.Fatalf("request %d without Redis: %+v", i, d)
		}
	}
	if !s.redis.Away() || failures.Load() != awayAfter || set.Limiter("a").Stats().StandIn != 12 {
		t.Errorf("away %v after %d failures, %+v", s.redis.Away(), failures.Load(), set.Limiter("a").Stats())
	}
	server.Restart()
	waitFor(t, "Redis to be back", func() bool { return watch.heard() == "[true false]" })
	for range 9 { // it has forgotten
		if d := s.take(set, "a", All); !d.Allowed || d.StandIn {
			t.Fatalf("after Redis is back: %+v", d)
		}
	}
	if d := s.take(set, "a", All); d.Allowed || d.StandIn {
		t.Errorf("beyond the burst: %+v", d)
	}
	if heard := watch.heard(); heard != "[true false]" {
		t.Errorf("heard %s", heard)
	}
}

func TestAServerThatFailsNowAndThenIsNotAway(t *testing.T) {
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	defer client.Close()
	s := realStage(openRedis(t, RedisOptions{Client: client, Timeout: 10 * time.Second}))
	set := s.set(t, Limit{Name: "a", Rate: every(long), Burst: 1000})
	for i := range 20 {
		answers := i%awayAfter == 0
		server.SetError("")
		if !answers {
			server.SetError("LOADING")
		}
		if d := s.take(set, "a", All); d.StandIn == answers || s.redis.Away() {
			t.Fatalf("request %d: %+v, away %v", i, d, s.redis.Away())
		}
	}
}

// Only so many have to wait for an answer that does not come: then nobody asks.
func TestAHaltedRedisHoldsUpOnlyTheFirst(t *testing.T) {
	server := redistest.Start(t)
	var failures atomic.Int64
	client := quickClient(t, server)
	s := realStage(openRedis(t, RedisOptions{Client: client, Timeout: 50 * time.Millisecond, Failed: func(error) { failures.Add(1) }}))
	set := s.set(t, Limit{Name: "a", Rate: every(long), Burst: 1000})
	byRedis := func() bool { return !s.take(set, "a", All).StandIn }
	waitFor(t, "Redis to answer in time", byRedis)
	before := failures.Load()
	server.Stop()
	for range 200 {
		if d := s.take(set, "a", All); !d.Allowed || !d.StandIn {
			t.Fatalf("%+v", d)
		}
	}
	if n := failures.Load() - before; n != awayAfter {
		t.Errorf("%d of 200 waited for Redis, want %d", n, awayAfter)
	}
	server.Continue()
	waitFor(t, "Redis to be back, and to answer in time", byRedis)
}

func TestAClientThatLeavesCutsNoCallOff(t *testing.T) {
	s := redisStage(t, redistest.Start(t).Client(t))
	set := s.set(t, Limit{Name: "a", Rate: every(long), Burst: 1})
	ctx, leave := context.WithCancelCause(t.Context())
	leave(errors.New("gone"))
	asks := []Ask{{Limiter: set.Limiter("a")}}
	if !set.Take(ctx, time.Now(), asks) || asks[0].Decision.StandIn {
		t.Errorf("%+v", asks[0].Decision)
	}
}

func TestClusterKeepsEachBucketOnItsServer(t *testing.T) {
	t.Parallel() // nearly all of it is waiting
	cluster := redistest.StartCluster(t, 0)
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: cluster.Addresses(), MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
	})
	defer client.Close()
	var watch awayWatch
	s := realStage(openRedis(t, RedisOptions{Client: client, Prefix: "sg:", Timeout: 2 * time.Second, Away: watch.away}))
	set := s.set(t, Limit{Name: "a", Rate: every(long), Burst: 40}, Limit{Name: "b", Rate: every(long), Burst: 40})
	both := func(i int) []Ask {
		asks := []Ask{{Limiter: set.Limiter("a"), Key: TextKey(fmt.Sprint(i))}, {Limiter: set.Limiter("b"), Key: TextKey(fmt.Sprint(i + 1))}}
		if !set.Take(t.Context(), time.Now(), asks) {
			t.Fatalf("request %d: %+v", i, asks)
		}
		return asks
	}
	for i := range 30 {
		for _, a := range both(i) {
			if a.Decision.StandIn || a.Decision.Remaining != 39 {
				t.Fatalf("request %d: %+v", i, a.Decision)
			}
		}
	}
	// With one of three dead, the keys of the others are still judged by Redis: until
	// these miss it, and then serve nobody.
	bucket := func(i int) string { return set.Limiter("a").shared.bucket(TextKey(fmt.Sprint(i))) }
	var owners []*redistest.Server
	for i := range 30 {
		owners = append(owners, cluster.NodeOf(t, bucket(i)))
	}
	dead := cluster.KillPrimary(t, bucket(0))
	for !s.redis.Away() {
		both(0)
	}
	inRedis := 0
	for i, owner := range owners {
		asks := both(i)
		if lost := owner == dead; asks[0].Decision.StandIn != lost {
			t.Fatalf("request %d: %+v; its server is dead: %v", i, asks[0].Decision, lost)
		} else if !lost {
			inRedis++
		}
	}
	if inRedis == 0 || inRedis == 30 {
		t.Errorf("%d of 30 were judged by Redis", inRedis)
	}
	dead.Restart()
	waitFor(t, "the server to be back", func() bool { return !s.redis.Away() })
	if d := both(0)[0].Decision; d.StandIn || d.Remaining != 39 {
		t.Errorf("on the server that is back: %+v", d)
	}
}
