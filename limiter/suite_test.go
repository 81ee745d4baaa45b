package limiter

import (
	"context"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/redistest"
)

// stage is where limits are tried: what they ask, and the time.
type stage struct {
	redis *Redis
	scope Scope
	now   func() time.Time
	// wait lets so much time pass, or a little more.
	wait func(time.Duration)
	// tick is a time that is long for what is behind the stage.
	tick time.Duration
}

// stages are all that a limit can be kept by. The same holds for each.
var stages = map[string]func(*testing.T) stage{
	"local":     localStage,
	"miniredis": miniStage,
	"redis":     func(t *testing.T) stage { return redisStage(t, redistest.Start(t).Client(t)) },
}

func localStage(*testing.T) stage {
	now := time.Unix(1800000000, 0)
	return stage{
		scope: ScopeLocal,
		now:   func() time.Time { return now },
		wait:  func(d time.Duration) { now = now.Add(d) },
		tick:  time.Hour,
	}
}

func miniStage(t *testing.T) stage {
	server := miniredis.RunT(t)
	now := time.Unix(1800000000, 0)
	server.SetTime(now)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, ReadTimeout: 10 * time.Second})
	t.Cleanup(func() { client.Close() })
	return stage{
		redis: openRedis(t, RedisOptions{Client: client, Prefix: "sg:", Timeout: 10 * time.Second}),
		scope: ScopeShared,
		now:   func() time.Time { return now },
		wait: func(d time.Duration) {
			now = now.Add(d.Round(time.Microsecond))
			server.SetTime(now)
			server.FastForward(d)
		},
		tick: time.Minute,
	}
}

func redisStage(t *testing.T, client redis.UniversalClient) stage {
	return realStage(openRedis(t, RedisOptions{Client: client, Prefix: "sg:", Timeout: 10 * time.Second}))
}

func realStage(r *Redis) stage {
	return stage{
		redis: r,
		scope: ScopeShared,
		now:   time.Now,
		wait: func(d time.Duration) {
			timer := time.NewTimer(d)
			defer timer.Stop()
			<-timer.C
		},
		tick: 50 * time.Millisecond,
	}
}

func openRedis(t *testing.T, o RedisOptions) *Redis {
	t.Helper()
	r, err := NewRedis(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// set makes a set of the stage's scope.
func (s stage) set(t *testing.T, limits ...Limit) *Set {
	t.Helper()
	for i := range limits {
		limits[i].Scope, limits[i].Key, limits[i].Enforce = s.scope, "client", true
	}
	set, err := New(Options{Limits: limits, Redis: s.redis, Keys: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// take asks one limit.
func (s stage) take(set *Set, name string, k Key) Decision {
	asks := []Ask{{Limiter: set.Limiter(name), Key: k}}
	set.Take(context.Background(), s.now(), asks)
	return asks[0].Decision
}

const (
	long     = 8 * time.Hour // nothing is refilled while a test runs
	rounding = time.Microsecond
)

// every is the rate of one in so long a time.
func every(d time.Duration) float64 { return float64(time.Second) / float64(d) }

// onEachStage runs a test wherever a limit can be kept.
func onEachStage(t *testing.T, test func(*testing.T, stage)) {
	for name, open := range stages {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func TestABurstPassesThenWhatIsRefilled(t *testing.T) {
	onEachStage(t, func(t *testing.T, s stage) {
		set := s.set(t, Limit{Name: "a", Rate: every(long), Burst: 4})
		for i := range 4 {
			d := s.take(set, "a", All)
			window := time.Duration(i+1) * long
			if !d.Allowed || d.Remaining != 3-i || d.RetryAfter != 0 || d.Reset > window+rounding || d.Reset < window-time.Minute {
				t.Fatalf("request %d: %+v", i, d)
			}
		}
		for range 2 {
			d := s.take(set, "a", All)
			if d.Allowed || d.Remaining != 0 || d.RetryAfter > long+rounding || d.RetryAfter < long-time.Minute || d.Reset > 4*long+rounding || d.Reset < 4*long-time.Minute {
				t.Fatalf("beyond the burst: %+v", d)
			}
		}
	})
}

func TestWhoWaitsAsLongAsToldPasses(t *testing.T) {
	onEachStage(t, func(t *testing.T, s stage) {
		set := s.set(t, Limit{Name: "a", Rate: every(s.tick), Burst: 2})
		waited := 0
		for waited < 4 {
			d := s.take(set, "a", All)
			if d.Allowed {
				continue
			}
			if d.RetryAfter <= 0 || d.RetryAfter > s.tick {
				t.Fatalf("%+v, with one in %v", d, s.tick)
			}
			s.wait(d.RetryAfter)
			waited++
			if d := s.take(set, "a", All); !d.Allowed {
				t.Fatalf("refused after the wait: %+v", d)
			}
		}
	})
}

func TestRefusalsDoNotMakeTheWaitLonger(t *testing.T) {
	onEachStage(t, func(t *testing.T, s stage) {
		set := s.set(t, Limit{Name: "a", Rate: every(s.tick), Burst: 1})
		d := s.take(set, "a", All)
		for d.Allowed {
			d = s.take(set, "a", All)
		}
		wait := d.RetryAfter
		for range 200 {
			s.take(set, "a", All)
		}
		s.wait(wait)
		if d := s.take(set, "a", All); !d.Allowed && s.scope == ScopeLocal || d.RetryAfter > s.tick {
			t.Fatalf("refused after the wait: %+v", d)
		}
		// One of the 200 may have passed where time goes by itself. Not more than one
		// wait is due then.
		s.wait(d.RetryAfter + s.tick)
		if d := s.take(set, "a", All); !d.Allowed {
			t.Fatalf("refused after two waits: %+v", d)
		}
	})
}

func TestABucketIsFullAgainAfterReset(t *testing.T) {
	onEachStage(t, func(t *testing.T, s stage) {
		set := s.set(t, Limit{Name: "a", Rate: every(s.tick), Burst: 3}, Limit{Name: "b", Rate: every(long), Burst: 3})
		var d Decision
		for range 5 {
			d = s.take(set, "a", All)
		}
		s.wait(d.Reset)
		if d := s.take(set, "a", All); d.Remaining != 2 {
			t.Fatalf("one request after all was refilled: %+v", d)
		}
	})
}

func TestKeysAndLimitsAreApart(t *testing.T) {
	onEachStage(t, func(t *testing.T, s stage) {
		set := s.set(t, Limit{Name: "a", Rate: every(long), Burst: 1}, Limit{Name: "b", Rate: every(long), Burst: 1})
		for i := range 50 {
			for _, name := range []string{"a", "b"} {
				k := TextKey(strconv.Itoa(i))
				if first, second := s.take(set, name, k), s.take(set, name, k); !first.Allowed || second.Allowed {
					t.Fatalf("key %d, limit %s: %+v, %+v", i, name, first, second)
				}
			}
		}
	})
}

// TestNoMoreThanRateAndBurst holds traces at random to the promise, from every
// moment to every later one.
func TestNoMoreThanRateAndBurst(t *testing.T) {
	onEachStage(t, func(t *testing.T, s stage) {
		random := rand.New(rand.NewPCG(1, 2))
		for _, burst := range []int{1, 3, 10} {
			name := strconv.Itoa(burst)
			set := s.set(t, Limit{Name: name, Rate: every(s.tick / 10), Burst: burst})
			var passed []time.Time // at the latest, and for the first at the earliest
			begun := s.now()
			for range 400 {
				if random.IntN(8) == 0 && s.now().Sub(begun) < 20*s.tick {
					s.wait(time.Duration(random.Int64N(int64(s.tick) / 2)))
				}
				before := s.now()
				if s.take(set, name, All).Allowed {
					passed = append(passed, before, s.now())
				}
			}
			for i := 0; i < len(passed); i += 2 {
				for j := i; j < len(passed); j += 2 {
					n, span := (j-i)/2+1, passed[j+1].Sub(passed[i])
					// A microsecond of rounding, at each end.
					if most := float64(burst) + every(s.tick/10)*(span+2*time.Microsecond).Seconds(); float64(n) > most {
						t.Fatalf("%d passed within %v; burst %d and one in %v allow %.2f", n, span, burst, s.tick/10, most)
					}
				}
			}
		}
	})
}

func TestARequestThatIsRefusedCostsNothing(t *testing.T) {
	onEachStage(t, func(t *testing.T, s stage) {
		set := s.set(t, Limit{Name: "wide", Rate: every(long), Burst: 10}, Limit{Name: "narrow", Rate: every(long / 2), Burst: 2})
		for i := range 6 {
			asks := []Ask{{Limiter: set.Limiter("wide"), Key: All}, {Limiter: set.Limiter("narrow"), Key: All}}
			passes := set.Take(t.Context(), s.now(), asks)
			if passes != (i < 2) {
				t.Fatalf("request %d passes: %v", i, passes)
			}
			if refused := Refusal(asks); passes != (refused == nil) || refused != nil && refused.Limiter != set.Limiter("narrow") {
				t.Fatalf("request %d is refused by %+v", i, refused)
			}
			if left := asks[0].Decision.Remaining; asks[0].asked && left != max(9-i, 8) {
				t.Fatalf("request %d leaves %d of the wide limit", i, left)
			}
		}
		if d := s.take(set, "wide", All); d.Remaining != 7 {
			t.Fatalf("after 2 that passed, 4 that did not, and 1: %+v", d)
		}
	})
}
