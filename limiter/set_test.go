package limiter

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

func TestALimitThatIsTheSameGoesOn(t *testing.T) {
	now := time.Unix(1800000000, 0)
	limit := Limit{Name: "a", Key: "client", Rate: every(time.Hour), Burst: 2, Enforce: true}
	for name, test := range map[string]struct {
		change func(*Limit)
		goesOn bool
	}{
		"nothing":    {func(*Limit) {}, true},
		"enforce":    {func(l *Limit) { l.Enforce = false }, true},
		"said scope": {func(l *Limit) { l.Scope = ScopeLocal }, true},
		"name":       {func(l *Limit) { l.Name = "b" }, false},
		"key":        {func(l *Limit) { l.Key = "session" }, false},
		"rate":       {func(l *Limit) { l.Rate *= 2 }, false},
		"burst":      {func(l *Limit) { l.Burst = 3 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			before := localSet(t, 0, limit)
			for range 2 {
				before.Take(t.Context(), now, []Ask{{Limiter: before.Limiter("a")}})
			}
			changed := limit
			test.change(&changed)
			after, err := before.Next(Options{Limits: []Limit{changed}})
			if err != nil {
				t.Fatal(err)
			}
			asks := []Ask{{Limiter: after.Limiter(changed.Name)}}
			after.Take(t.Context(), now, asks)
			if goesOn := !asks[0].Decision.Allowed; goesOn != test.goesOn {
				t.Errorf("goes on: %v", goesOn)
			}
		})
	}
}

func TestASharedLimitGoesOnInRedisAndInItsStandIn(t *testing.T) {
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	defer client.Close()
	r := openRedis(t, RedisOptions{Client: client, Timeout: 10 * time.Second})
	o := Options{Limits: []Limit{{Name: "a", Key: "client", Rate: every(time.Hour), Burst: 4, Scope: ScopeShared, Enforce: true}}, Redis: r}
	before, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	take := func(s *Set, allowed, standIn bool) {
		t.Helper()
		asks := []Ask{{Limiter: s.Limiter("a")}}
		if s.Take(t.Context(), time.Unix(1800000000, 0), asks) != allowed || asks[0].Decision.StandIn != standIn {
			t.Fatalf("%+v", asks[0].Decision)
		}
	}
	take(before, true, false)
	take(before, true, false)
	server.SetError("LOADING")
	for range 3 {
		take(before, true, true)
	}
	after, err := before.Next(o)
	if err != nil {
		t.Fatal(err)
	}
	take(after, true, true)
	take(after, false, true)
	server.SetError("")
	waitFor(t, "Redis to be back", func() bool { return !r.Away() })
	take(after, true, false)
	take(after, true, false)
	take(after, false, false)
	take(before, false, false)
	if after.Limiter("a").Stats() != before.Limiter("a").Stats() || after.Limiter("a").Stats().StandIn != 5 {
		t.Errorf("%+v", after.Limiter("a").Stats())
	}
}

func TestFewerKeysKeepThoseInDebtTheLongest(t *testing.T) {
	now := time.Unix(1800000000, 0)
	limit := hourly("a", 1000, true)
	set := localSet(t, 0, limit)
	take := func(s *Set, i uint32) Decision {
		asks := []Ask{{Limiter: s.Limiter("a"), Key: ClientKey(address(i))}}
		s.Take(t.Context(), now, asks)
		return asks[0].Decision
	}
	for i := range uint32(1000) {
		for range 1 + 10*(i/100) { // the later, the deeper in debt
			take(set, i)
		}
	}
	for _, size := range []int{300, 200000} {
		next, err := set.Next(Options{Limits: []Limit{limit}, Keys: size})
		if err != nil {
			t.Fatal(err)
		}
		set = next
		if n := set.Limiter("a").Stats().Keys; n != 300 {
			t.Fatalf("%d keys are known", n)
		}
	}
	if d := take(set, 999); d.Remaining != 1000-91-1 {
		t.Errorf("one deep in debt: %+v", d)
	}
	if d := take(set, 5); d.Remaining != 999 {
		t.Errorf("one with little debt: %+v", d)
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	good := Limit{Name: "a", Key: "client", Rate: 1, Burst: 1}
	with := func(change func(*Limit)) Options {
		l := good
		change(&l)
		return Options{Limits: []Limit{l}}
	}
	for want, o := range map[string]Options{
		`the name ""; it has to be 1 to 128 letters`:               with(func(l *Limit) { l.Name = "" }),
		`the name "ä"; it has to be`:                               with(func(l *Limit) { l.Name = "ä" }),
		`the name "{a}"; it has to be`:                             with(func(l *Limit) { l.Name = "{a}" }),
		`"a": the key "a:b"; it has to be`:                         with(func(l *Limit) { l.Key = "a:b" }),
		`"a": rate 0; it has to be above 0`:                        with(func(l *Limit) { l.Rate = 0 }),
		`"a": rate NaN; it has to be above 0, and at most`:         with(func(l *Limit) { l.Rate = math.NaN() }),
		`"a": rate +Inf`:                                           with(func(l *Limit) { l.Rate = math.Inf(1) }),
		`"a": burst 0; it has to be 1 to 1000000000`:               with(func(l *Limit) { l.Burst = 0 }),
		`"a": burst 1000000001; it has to be 1 to`:                 with(func(l *Limit) { l.Rate, l.Burst = 1000, 1000000001 }),
		`"a": a burst of 31622401 at this rate`:                    with(func(l *Limit) { l.Burst = 366*24*3600 + 1 }),
		`"a": scope "global"; it is "local" or "shared"`:           with(func(l *Limit) { l.Scope = "global" }),
		`"a": 20001 requests a second; a shared limit has at most`: with(func(l *Limit) { l.Scope, l.Rate = ScopeShared, 20001 }),
		`"a": it is shared, and there is no Redis`:                 with(func(l *Limit) { l.Scope = ScopeShared }),
		`limit "a": there are two of this name`:                    {Limits: []Limit{good, good}},
		`bad concurrency cap: the name`:                            {Concurrency: []Concurrency{{Key: "client", Max: 1}}},
		`cap "a": the key ""; it has to be`:                        {Concurrency: []Concurrency{{Name: "a", Max: 1}}},
		`cap "a": max 0; it has to be at least 1`:                  {Concurrency: []Concurrency{{Name: "a", Key: "client"}}},
		`cap "a": there are two of this name`:                      {Concurrency: []Concurrency{{Name: "a", Key: "client", Max: 1}, {Name: "a", Key: "session", Max: 1}}},
	} {
		_, err := New(o)
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, ErrLimit) && !errors.Is(err, ErrConcurrency) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := NewRedis(RedisOptions{}); err == nil {
		t.Error("Redis without a client")
	}
	client := redis.NewClient(&redis.Options{})
	defer client.Close()
	if _, err := NewRedis(RedisOptions{Client: client, Prefix: "{sg}"}); err == nil {
		t.Error("a prefix with a hash tag")
	}
}
