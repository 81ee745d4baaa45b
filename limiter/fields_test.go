package limiter

import (
	"regexp"
	"strconv"
	"testing"
	"time"
)

func TestFieldsTellWhatIsLeft(t *testing.T) {
	now := time.Unix(1800000000, 0)
	set := localSet(t, 0,
		Limit{Name: "per-client", Key: "client", Rate: 50, Burst: 200, Enforce: true},
		Limit{Name: `"odd" \ one`, Key: "all", Rate: every(time.Minute), Burst: 3, Enforce: true},
		Limit{Name: "shadow", Key: "all", Rate: 1, Burst: 1})
	asks := []Ask{{Limiter: set.Limiter("per-client")}, {Limiter: set.Limiter(`"odd" \ one`)}, {Limiter: set.Limiter("shadow")}}
	if got := string(AppendQuotas(nil, asks)) + string(AppendPolicies(nil, asks)); got != "" {
		t.Errorf("before anything was asked: %s", got)
	}
	for _, want := range []string{
		`"per-client";r=199;t=1, "\"odd\" \\ one";r=2;t=60`,
		`"per-client";r=199;t=1, "\"odd\" \\ one";r=1;t=20`, // 40 s later
		`"per-client";r=199;t=1, "\"odd\" \\ one";r=1;t=40`,
		`"per-client";r=199;t=1, "\"odd\" \\ one";r=1;t=60`,
		`"per-client";r=199;t=1, "\"odd\" \\ one";r=0;t=20`,
		`"per-client";r=199;t=1, "\"odd\" \\ one";r=0;t=40`,
		`"per-client";r=199;t=1, "\"odd\" \\ one";r=0;t=60`,
		`"per-client";r=200;t=0, "\"odd\" \\ one";r=0;t=20`, // refused: the first is given back
	} {
		passed := set.Take(t.Context(), now, asks)
		if got := string(AppendQuotas([]byte("x: "), asks)); got != "x: "+want {
			t.Errorf("passed %v, %s, want %s", passed, got, want)
		}
		now = now.Add(40 * time.Second)
	}
	if got, want := string(AppendPolicies(nil, asks)), `"per-client";q=200;w=4, "\"odd\" \\ one";q=3;w=180`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestOnlyWhatCanHoldUpIsTold(t *testing.T) {
	set := localSet(t, 0, hourly("a", 1, true), hourly("b", 1, false))
	asks := []Ask{{Limiter: set.Limiter("a"), Shadow: true}, {Limiter: set.Limiter("b")}}
	set.Take(t.Context(), time.Now(), asks)
	if got := string(AppendQuotas(nil, asks)) + string(AppendPolicies(nil, asks)); got != "" {
		t.Errorf("%s", got)
	}
}

// FuzzFields: whatever limits and times there are, the fields are lists of
// strings with the two parameters that the draft wants, in its ranges.
func FuzzFields(f *testing.F) {
	item := `"(?:[ !#-\[\]-~]|\\["\\])*"`
	quotas := regexp.MustCompile(`^` + item + `;r=(\d{1,15});t=\d{1,15}, ` + item + `;r=\d{1,15};t=\d{1,15}$`)
	policies := regexp.MustCompile(`^` + item + `;q=(\d{1,15});w=[1-9]\d{0,14}, ` + item + `;q=\d{1,15};w=[1-9]\d{0,14}$`)
	f.Add("a", `"\`, 1.5, 3, int64(1000), 5)
	f.Fuzz(func(t *testing.T, a, b string, perSecond float64, burst int, step int64, n int) {
		limit := Limit{Key: "client", Rate: perSecond, Burst: burst, Enforce: true}
		first, second := limit, limit
		first.Name, second.Name = a, b
		set, err := New(Options{Limits: []Limit{first, second}})
		if err != nil {
			return
		}
		now := time.Unix(1800000000, 0)
		asks := []Ask{{Limiter: set.Limiter(a)}, {Limiter: set.Limiter(b)}}
		for range min(max(n, 1), 50) {
			set.Take(t.Context(), now, asks)
			now = now.Add(time.Duration(step % int64(time.Hour)))
		}
		told := quotas.FindSubmatch(AppendQuotas(nil, asks))
		said := policies.FindSubmatch(AppendPolicies(nil, asks))
		if told == nil || said == nil {
			t.Fatalf("%s and %s", AppendQuotas(nil, asks), AppendPolicies(nil, asks))
		}
		if left, _ := strconv.Atoi(string(told[1])); left > burst || string(said[1]) != strconv.Itoa(burst) {
			t.Fatalf("%s of %s, burst %d", told[0], said[0], burst)
		}
	})
}
