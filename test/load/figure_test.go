package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRowSaysWhetherTheBoundWasKept(t *testing.T) {
	for _, tc := range []struct {
		figure figure
		want   string
	}{
		{held("order", 1.028, 1.03, "351 / 348 ms", "default lock"), "| order | 1.028 | ≤ 1.03 | 351 / 348 ms | default lock |"},
		{held("order", 1.031, 1.03, "351 / 348 ms", "default lock"), "| order | **1.031** (missed) | ≤ 1.03 | 351 / 348 ms | default lock |"},
		{held("lost", 0, 0, "of 50", "x"), "| lost | 0 | ≤ 0 | of 50 | x |"},
		{held("lost", 1, 0, "of 50", "x"), "| lost | **1** (missed) | ≤ 0 | of 50 | x |"},
		{stated("contrast", 1070.3, "a / b", "x"), "| contrast | 1070 | – | a / b | x |"},
	} {
		if got := tc.figure.row(); got != tc.want {
			t.Errorf("row = %q\nwant  %q", got, tc.want)
		}
	}
}

func TestJSONTellsStatedFiguresFromHeldOnes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "figures.json")
	if err := writeJSON(path, []figure{held("a", 0, 0, "", ""), stated("b", 2, "", "")}); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var read []map[string]any
	if err := json.Unmarshal(written, &read); err != nil {
		t.Fatal(err)
	}
	if _, ok := read[0]["bound"]; !ok {
		t.Error("a bound of 0 is not written")
	}
	if _, ok := read[1]["bound"]; ok {
		t.Error("a stated figure has a bound")
	}
}

func TestUnknownMeasurementNamesTheKnownOnes(t *testing.T) {
	err := run(t.Context(), []string{"speed"}, &strings.Builder{})
	if err == nil || !strings.HasPrefix(err.Error(), `no measurement "speed"; there are order, order3, `) {
		t.Errorf("err = %v", err)
	}
}

func TestMissedBoundsAreNamedOneByOne(t *testing.T) {
	missed := held("order", 1.031, 1.03, "351 / 348 ms", "default lock")
	err := missedOf([]figure{held("lost", 0, 0, "of 50", "x"), missed, stated("contrast", 7, "a / b", "x")})
	if want := "a bound is missed:\n" + missed.row(); err == nil || err.Error() != want {
		t.Errorf("err = %v\nwant  %s", err, want)
	}
	if err := missedOf([]figure{held("lost", 0, 0, "of 50", "x")}); err != nil {
		t.Errorf("err = %v though all bounds are kept", err)
	}
}

func TestOnlyWhatTimeCanHaveDoneIsTakenOnceMore(t *testing.T) {
	late, lost, kept := timed("p99", 3, 2, "", ""), held("lost", 1, 0, "", ""), held("lost", 0, 0, "", "")
	for _, tc := range []struct {
		figures []figure
		want    bool
	}{
		{[]figure{kept}, false},
		{[]figure{kept, late}, true},
		{[]figure{lost}, false},
		{[]figure{late, lost}, false},
	} {
		if got := missedByTime(tc.figures); got != tc.want {
			t.Errorf("missedByTime(%+v) = %v", tc.figures, got)
		}
	}
}
