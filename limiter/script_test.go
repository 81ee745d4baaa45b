package limiter

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/redistest"
)

// scriptModel is take.lua in Go.
type scriptModel struct{ capacity, debt, at int64 }

func (m *scriptModel) run(now, cost int64) int64 {
	debt := max(0, m.debt-max(0, now-m.at))
	after := max(0, debt+cost)
	refused := after > m.capacity
	if refused {
		after = debt
	}
	if !refused || now < m.at {
		m.debt, m.at = after, now
	}
	if refused {
		return -after
	}
	return after
}

// TestScriptUnderAnyClock runs the script while the clock goes on, jumps ahead and
// is set back, and the key expires or not.
func TestScriptUnderAnyClock(t *testing.T) {
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	random := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		interval := 1 + random.Int64N(1<<random.IntN(32))
		l := Limit{Name: "a", Key: "client", Rate: every(time.Duration(interval) * time.Microsecond), Burst: 1 + random.IntN(6)}
		s := newShared(l, &Redis{options: RedisOptions{Prefix: "sg:"}})
		now := int64(1800000000000000)
		model := scriptModel{capacity: s.capacity, at: now}
		server.FlushAll()
		for step := range 200 {
			switch random.IntN(12) {
			case 0: // set back
				now -= random.Int64N(20 * s.capacity)
			case 1: // a jump, and all is over
				now += 2 * s.capacity
				server.FastForward(time.Duration(2*s.capacity) * time.Microsecond)
			default:
				now += random.Int64N(s.interval)
			}
			server.SetTime(time.UnixMicro(now))
			c := call{key: s.bucket(All), args: s.charge}
			cost := s.interval
			if random.IntN(5) == 0 {
				c.args, cost = s.giveBack, -cost
			}
			run(t.Context(), client, []*call{&c})
			if want := model.run(now, cost); c.err != nil || c.debt != want {
				t.Fatalf("step %d, interval %d, burst %d: %d, %v; the model says %d", step, s.interval, l.Burst, c.debt, c.err, want)
			}
		}
	}
}

func TestRedisKeepsNoKeyForLongerThanItsDebt(t *testing.T) {
	server := redistest.Start(t)
	s := redisStage(t, server.Client(t))
	set := s.set(t, Limit{Name: "a", Rate: every(time.Hour), Burst: 3})
	for range 2 {
		s.take(set, "a", All)
	}
	client := server.Client(t)
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 1 || keys[0] != "sg:limit:a:client:3600000000:3:{00000000000000000000000000000000}" {
		t.Fatalf("%q, %v", keys, err)
	}
	if left, err := client.PTTL(t.Context(), keys[0]).Result(); err != nil || left > 2*time.Hour || left < 2*time.Hour-time.Minute {
		t.Errorf("the key stays for %v, %v", left, err)
	}
}

func TestLuaWritesNumbersOfAnySizeInFull(t *testing.T) {
	s := redisStage(t, redistest.Start(t).Client(t))
	// Nearly a year, in microseconds.
	set := s.set(t, Limit{Name: "a", Rate: every(time.Hour), Burst: 8700})
	for i := range 3 {
		if d := s.take(set, "a", All); d.Remaining != 8699-i || d.Reset > time.Duration(i+1)*time.Hour || d.Reset < time.Duration(i+1)*time.Hour-time.Minute {
			t.Fatalf("request %d: %+v", i, d)
		}
	}
}
