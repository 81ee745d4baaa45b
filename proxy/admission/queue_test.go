package admission

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func place(client string, session byte, priority Priority) *Place {
	return &Place{Client: client, Session: id{session}, Priority: priority}
}

// fill pushes places, and expects that all are taken in.
func fill(t *testing.T, q *Queue, n int, client string, session byte, priority Priority) {
	t.Helper()
	for range n {
		if out := q.Push(place(client, session, priority)); out != nil {
			t.Fatalf("%s gave way", said(out))
		}
	}
}

// goes lists who goes next, n times at most, each as client and session.
func goes(q *Queue, n int) string {
	var who []string
	for range n {
		p := q.Next()
		if p == nil {
			break
		}
		who = append(who, fmt.Sprint(p.Client, p.Session[0]))
	}
	return strings.Join(who, " ")
}

func TestClientsTakeTurnsAndThenTheirSessions(t *testing.T) {
	q := New(0, 0)
	fill(t, q, 3, "a", 1, Normal)
	fill(t, q, 2, "a", 2, Normal)
	fill(t, q, 2, "b", 1, Normal)
	if got, want := goes(q, 3), "a1 b1 a2"; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	fill(t, q, 1, "c", 9, Normal) // behind those who wait already
	if got, want := goes(q, 9), "b1 a1 c9 a2 a1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAClientAtItsBoundIsLeftOutUntilItGivesASlotBack(t *testing.T) {
	q := New(0, 2)
	fill(t, q, 4, "a", 1, High)
	fill(t, q, 1, "b", 1, Low)
	if got := goes(q, 9); got != "a1 a1 b1" {
		t.Fatalf("%s, want two of a and one of b", got)
	}
	if q.Enter("a", 0) || !q.Enter("b", 0) || q.Enter("b", 0) {
		t.Error("Enter does not keep the bound")
	}
	q.Exit("a")
	if got := goes(q, 9); got != "a1" {
		t.Errorf("%q after a slot was given back, want a1", got)
	}
}

func TestAClientThatIsNotKnownHasNoBound(t *testing.T) {
	q := New(0, 1)
	fill(t, q, 3, "", 0, Normal)
	if got := goes(q, 9); got != "0 0 0" || !q.Enter("", 0) {
		t.Errorf("%q went", got)
	}
	q.Exit("")
}

// While somebody of each priority may go, at most so many slots go past each.
func TestNoPriorityIsPassedOverForEver(t *testing.T) {
	bounds := map[Priority]int{Normal: NormalPassedOver, Low: LowPassedOver}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 2))
		q := New(0, 3)
		passed, worst := map[Priority]int{}, map[Priority]int{}
		running := []string{}
		for range 3000 {
			client := string(rune('a' + r.IntN(6)))
			if r.IntN(2) == 0 || q.Len() == 0 {
				q.Push(place(client, 0, Priorities()[min(r.IntN(3), r.IntN(3))]))
				continue
			}
			for p := range bounds {
				if q.classes[p.rank()].places == 0 {
					passed[p] = 0
				} else if !q.classes[p.rank()].ring.empty() {
					passed[p]++
				}
			}
			if one := q.Next(); one != nil {
				passed[one.Priority] = 0
				running = append(running, one.Client)
			} else {
				for range running {
					q.Exit(running[0])
					running = running[1:]
				}
				clear(passed)
			}
			for p, n := range passed {
				worst[p] = max(worst[p], n)
			}
		}
		for p, bound := range bounds {
			if worst[p] > bound {
				t.Errorf("seed %d: %d slots in a row went past %s, at most %d should", seed, worst[p], p, bound)
			}
		}
	}
}

func TestHighGoesFirstAndTheOthersHaveTheirShare(t *testing.T) {
	q := New(0, 0)
	for _, p := range Priorities() {
		fill(t, q, 1000, p.String(), 0, p)
	}
	count := map[Priority]int{}
	for i := range 210 {
		p := q.Next().Priority
		if count[p]++; i == 0 && p != High {
			t.Errorf("%s went first", p)
		}
	}
	if count[Low] != 10 || count[Normal] < 35 || count[Normal] > 42 {
		t.Errorf("of 210 slots %v", count)
	}
}

func TestAFullQueueTakesFromTheClientWithTheMost(t *testing.T) {
	q := New(10, 0)
	fill(t, q, 9, "greedy", 1, Normal)
	last := place("greedy", 2, Normal)
	if q.Push(last) != nil {
		t.Fatal("the queue was not full yet")
	}
	another := place("greedy", 3, Normal)
	if q.Push(another) != another {
		t.Error("the client with the most places was given another")
	}
	if out := q.Push(place("b", 1, Normal)); out != last {
		t.Errorf("%s gave way, not the newest of the client with the most", said(out))
	}
	for range 4 {
		if out := q.Push(place("b", 1, Normal)); out == nil || out.Client != "greedy" {
			t.Errorf("%s gave way", said(out))
		}
	}
	even := place("b", 1, Normal) // five each: to change roles is of no use
	if q.Push(even) != even || !q.Refuses("b", Normal) || q.Refuses("c", Normal) {
		t.Error("with as many places as the other, b was given another")
	}
}

func TestAFloodOfALowPriorityGivesWayToHigherOnes(t *testing.T) {
	q := New(10, 0)
	for i := range 10 {
		fill(t, q, 1, fmt.Sprint("bot", i), 1, Low)
	}
	for range 9 {
		if out := q.Push(place("user", 1, Normal)); out == nil || out.Priority != Low {
			t.Errorf("%s gave way", said(out))
		}
	}
	bot := place("new bot", 1, Low)
	if q.Push(bot) != bot {
		t.Error("a request of low priority displaced another client's")
	}
	if out := q.Push(place("user", 1, High)); out == nil || out.Priority != Low {
		t.Errorf("%s gave way", said(out))
	}
	if bot = place("bot0", 1, Low); q.Push(bot) != bot {
		t.Error("a request of low priority displaced one of a higher")
	}
}

func TestShedEmptiesTheQueueTheLowestFirst(t *testing.T) {
	q := New(0, 1)
	for _, p := range Priorities() {
		fill(t, q, 3, "a", 1, p)
	}
	var order []Priority
	for p := q.Shed(); p != nil; p = q.Shed() {
		order = append(order, p.Priority)
	}
	if !slices.Equal(order, []Priority{Low, Low, Low, Normal, Normal, Normal, High, High, High}) || q.Len() != 0 {
		t.Errorf("%v", order)
	}
}

// Where nobody waits, counting slots makes no garbage.
func TestASlotThatIsFreeCostsNoMemory(t *testing.T) {
	q := New(100, 8)
	if n := testing.AllocsPerRun(100, func() {
		q.Enter("203.0.113.7", 0)
		q.Exit("203.0.113.7")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The work does not grow with who waits: a thousand times as many clients,
// sessions or places in one line, and still about the same time.
func BenchmarkNext(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		shapes := map[string]func(i int) *Place{
			"clients":  func(i int) *Place { return place(fmt.Sprint(i), 0, Normal) },
			"sessions": func(i int) *Place { return &Place{Client: "a", Session: id{byte(i), byte(i >> 8)}} },
			"line":     func(int) *Place { return place("a", 0, Normal) },
		}
		for shape, of := range shapes {
			b.Run(fmt.Sprintf("%s/%d", shape, n), func(b *testing.B) {
				q := New(0, 0)
				for i := range n {
					q.Push(of(i))
				}
				b.ReportAllocs()
				for b.Loop() {
					q.Push(q.Next())
				}
			})
		}
	}
}
