package proxy

import (
	"math/rand/v2"
	"testing"

	"github.com/sessiongate/sessiongate/lockstore"
)

var ofA, ofB = lockstore.Request{Key: lockstore.Key{1}, Client: "a"}, lockstore.Request{Key: lockstore.Key{2}, Client: "b"}

func TestWhatWouldHaveBecomeOfARequest(t *testing.T) {
	busy, full, barrier := ofA, ofA, ofA
	busy.RejectBusy = true
	full.MaxWaiting = 1
	barrier.Mode = lockstore.Barrier
	type step struct {
		request lockstore.Request
		shadow  bool
		want    saw
	}
	alone, waits := saw{}, saw{overlaps: true, waits: true}
	for name, steps := range map[string][]step{
		"alone":           {{ofA, true, alone}, {ofB, true, alone}},
		"waits":           {{ofA, true, alone}, {ofA, true, waits}, {ofA, true, waits}},
		"busy":            {{busy, true, alone}, {busy, true, saw{overlaps: true, refused: ReasonSessionBusy}}, {ofA, true, waits}},
		"session full":    {{full, true, alone}, {full, true, waits}, {full, true, saw{overlaps: true, refused: ReasonSessionFull}}},
		"client full":     {{ofA, true, alone}, {ofA, true, waits}, {ofA, true, waits}, {ofA, true, saw{overlaps: true, refused: ReasonClientFull}}, {ofB, true, alone}, {ofB, true, waits}},
		"total full":      {{ofA, true, alone}, {ofA, true, waits}, {ofA, true, waits}, {ofB, true, alone}, {ofB, true, waits}, {ofB, true, saw{overlaps: true, refused: ReasonTotalFull}}},
		"beside enforced": {{ofA, false, alone}, {ofA, true, waits}},
		"enforced beside": {{ofA, true, alone}, {ofA, false, saw{overlaps: true}}, {ofA, true, waits}},
		"barrier":         {{barrier, true, alone}, {barrier, true, alone}, {ofA, true, alone}, {barrier, true, waits}, {ofB, true, alone}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShadows()
			s.bound(2, 3)
			var seen []*sighting
			for i, step := range steps {
				one, got := s.see(step.request, step.shadow)
				if got != step.want {
					t.Errorf("request %d: %+v, want %+v", i, got, step.want)
				}
				seen = append(seen, one)
			}
			for _, one := range seen {
				one.leave()
				one.leave()
			}
			wantNobody(t, s)
		})
	}
}

func wantNobody(t *testing.T, s *shadows) {
	t.Helper()
	if sessions, waiting := s.count(); sessions+waiting+len(s.byClient) != 0 {
		t.Errorf("left behind: %d sessions, %d that would wait, %v", sessions, waiting, s.byClient)
	}
}

// When the one with the turn leaves, the next has it and waits no more.
func TestTheNextInTheShadowHasTheTurn(t *testing.T) {
	s := newShadows()
	s.bound(1, 0)
	first, _ := s.see(ofA, true)
	second, _ := s.see(ofA, true)
	if _, got := s.see(ofA, true); got.refused != ReasonClientFull {
		t.Fatalf("third: %+v", got)
	}
	first.leave()
	if _, waiting := s.count(); waiting != 0 {
		t.Errorf("%d would wait behind nobody", waiting)
	}
	third, got := s.see(ofA, true)
	if !got.waits {
		t.Errorf("behind the second: %+v", got)
	}
	third.leave()
	if _, waiting := s.count(); waiting != 0 {
		t.Errorf("%d would wait when the last has left", waiting)
	}
	second.leave()
}

// Whatever comes and goes in whatever order, the numbers are those of a model.
func TestTheShadowCountsRight(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := newShadows()
		s.bound(3, 5)
		var here []*sighting
		for range 300 {
			if len(here) > 0 && random.IntN(2) == 0 {
				i := random.IntN(len(here))
				here[i].leave()
				here = append(here[:i], here[i+1:]...)
			} else {
				r := []lockstore.Request{ofA, ofB}[random.IntN(2)]
				r.MaxWaiting = random.IntN(4)
				r.Client = []string{"a", "b", ""}[random.IntN(3)]
				one, _ := s.see(r, random.IntN(4) > 0)
				here = append(here, one)
			}
			compare(t, s, here)
		}
		for _, one := range here {
			one.leave()
		}
		wantNobody(t, s)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// compare works the numbers out from who is there, in order of arrival.
func compare(t *testing.T, s *shadows, here []*sighting) {
	t.Helper()
	first := map[lockstore.Key]*sighting{}
	running, queued, byClient := map[lockstore.Key]int{}, map[lockstore.Key]int{}, map[string]int{}
	waiting := 0
	for _, one := range here {
		running[one.key]++
		if !one.queued {
			continue
		}
		if queued[one.key]++; queued[one.key] == 1 {
			first[one.key] = one
		}
		if one.waits {
			waiting++
			byClient[one.client]++
		}
	}
	delete(byClient, "")
	for key, one := range first {
		if one.waits {
			t.Errorf("the first of %v would wait", key)
		}
		if l := s.lines[key]; l.first != one || l.waiting != queued[key]-1 || l.running != running[key] {
			t.Errorf("line %+v, want %d of %d waiting", l, queued[key]-1, running[key])
		}
	}
	if s.waiting != waiting || len(s.byClient) != len(byClient) || len(s.lines) != len(running) {
		t.Errorf("%d waiting of %v in %d lines, want %d of %v in %d", s.waiting, s.byClient, len(s.lines), waiting, byClient, len(running))
	}
}
