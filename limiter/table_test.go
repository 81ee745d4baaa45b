package limiter

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

func number(n uint64) id {
	var k id
	binary.BigEndian.PutUint64(k[8:], n)
	return k
}

// tableModel is a table as one would write it without a thought for speed.
type tableModel struct {
	max   int
	until map[id]int64
}

// over counts the entries whose time is over at a time.
func (m tableModel) over(now int64) (n int) {
	for _, until := range m.until {
		if until < now {
			n++
		}
	}
	return n
}

// walkTable does at random what a limiter does, and holds the table to the model.
func walkTable(t *testing.T, size int, horizon int64, steps []byte) {
	t.Helper()
	table, model := newTable[int](size, horizon), tableModel{size, make(map[id]int64)}
	var now int64
	for i := 0; i+3 < len(steps) && now < 1<<61; i += 4 { // 73 years
		step, far := steps[i], int64(binary.BigEndian.Uint16(steps[i+2:]))
		k := number(uint64(steps[i+1]))
		switch {
		case step < 60:
			now += int64(float64(far) / 65535 / 16 * float64(horizon))
		case step < 62:
			now += 2*horizon + far // all is over
		case step < 64:
			size = int(far % 40)
			table.resize(size, now)
			model.resized(t, size, &table)
		default:
			model.use(t, &table, k, now, now+int64(float64(far)/65535*float64(horizon)))
		}
		table.holds(t, model)
	}
}

// use looks a key up, makes room for it where it is new, and holds it.
func (m tableModel) use(t *testing.T, table *table[int], k id, now, until int64) {
	t.Helper()
	e := table.entries[k]
	if _, known := m.until[k]; known != (e != nil) {
		t.Fatalf("at %d: known is %v", now, e != nil)
	}
	if e == nil {
		before := m.over(now)
		e = table.place(k, now)
		if e == nil {
			if m.max > len(m.until) || m.over(now-2*table.wheel.width) > 0 {
				t.Fatalf("at %d: no room, with %d of %d keys, %d of them over", now, len(m.until), m.max, before)
			}
			return
		}
		for old, until := range m.until {
			if table.entries[old] == nil {
				if until > now {
					t.Fatalf("at %d: a key was dropped that counts until %d", now, until)
				}
				delete(m.until, old)
			}
		}
	}
	table.hold(e, until, now)
	m.until[k] = until
}

// resized drops from the model what the table has dropped: those whose time is
// over first, but for the width of a bucket.
func (m *tableModel) resized(t *testing.T, size int, table *table[int]) {
	t.Helper()
	m.max = size
	var latest int64
	for k, until := range m.until {
		if table.entries[k] == nil {
			latest = max(latest, until)
			delete(m.until, k)
		}
	}
	for _, until := range m.until {
		if until+table.wheel.width < latest && latest/table.wheel.width >= table.wheel.tick {
			t.Fatalf("a key went that counts until %d, and one stays until %d", latest, until)
		}
	}
}

// holds checks that table, wheel and model know the same.
func (table *table[V]) holds(t *testing.T, m tableModel) {
	t.Helper()
	if len(table.entries) != len(m.until) || len(table.entries) > m.max {
		t.Fatalf("%d keys, the model has %d of %d", len(table.entries), len(m.until), m.max)
	}
	inRings := 0
	for _, first := range append(table.wheel.later[:], table.wheel.due) {
		for e := first; e != nil; {
			inRings++
			if m.until[e.id] != e.until || table.entries[e.id] != e || e.next.prev != e {
				t.Fatalf("key %x until %d, the model says %d", e.id, e.until, m.until[e.id])
			}
			if e = e.next; e == first {
				break
			}
		}
	}
	if inRings != len(m.until) {
		t.Fatalf("%d entries are in rings, of %d", inRings, len(m.until))
	}
}

func TestTableDropsOnlyWhatIsOver(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	for _, horizon := range []int64{1, 100, 1 << 20, int64(longest)} {
		for _, size := range []int{0, 1, 3, 30} {
			steps := make([]byte, 20000)
			random.Read(steps)
			walkTable(t, size, horizon, steps)
		}
	}
}

func FuzzTable(f *testing.F) {
	f.Add(3, int64(1000), []byte("\x40a\x80\x00\x40b\x80\x00\x40c\x80\x00\x40d\x80\x00\x10..."))
	f.Fuzz(func(t *testing.T, size int, horizon int64, steps []byte) {
		if horizon < 1 || horizon > int64(longest) || len(steps) > 4000 {
			return
		}
		walkTable(t, min(max(size, 0), 50), horizon, steps)
	})
}
