package fastcgi

import (
	"bytes"
	"strings"
	"testing"
)

// decodeParams reads PARAMS records as PHP does, each by itself.
func decodeParams(t *testing.T, b []byte) map[string][]string {
	t.Helper()
	vars := make(map[string][]string)
	for r := bytes.NewReader(b); r.Len() > 0; {
		kind, content, err := readRecord(r)
		if err != nil || kind != typeParams {
			t.Fatalf("record of type %d: %v", kind, err)
		}
		decodePairs(content, vars)
	}
	return vars
}

func TestPairsAreNeverSplitOverRecords(t *testing.T) {
	p := params{open: -1}
	want := map[string]string{}
	for i, size := range []int{0, 1, 127, 128, 30_000, 30_000, 5_000, 65_000, 500, 65_535 - 5 - 1} {
		name := string(rune('a' + i))
		want[name] = strings.Repeat("v", size)
		p.add(name, want[name])
	}
	p.finish()
	if p.err != nil {
		t.Fatal(p.err)
	}
	got := decodeParams(t, p.buf)
	for name, value := range want {
		if len(got[name]) != 1 || got[name][0] != value {
			t.Errorf("%s: %d values", name, len(got[name]))
		}
	}
	p.add("z", strings.Repeat("v", 65_535-5))
	if p.err != ErrParamTooLarge {
		t.Errorf("error %v, want ErrParamTooLarge", p.err)
	}
}

// Properties: what goes in comes out, once; values that could end a line or a
// string do not.
func FuzzParams(f *testing.F) {
	f.Add("NAME", "value", 3)
	f.Add("", "", 0)
	f.Add("X", "line\nend", 700)
	f.Fuzz(func(t *testing.T, name, value string, times int) {
		value = strings.Repeat(value, min(max(times, 0), 1000))
		p := params{open: -1}
		p.add("FIRST", "1")
		p.add(name, value)
		p.add("LAST", "2")
		p.finish()
		got := decodeParams(t, p.buf)
		if got["FIRST"][0] != "1" || len(got["LAST"]) == 0 {
			t.Fatalf("variables around it: %q", got)
		}
		if name == "FIRST" || name == "LAST" {
			return
		}
		switch values := got[name]; {
		case p.err != nil || !clean(value):
			if len(values) != 0 {
				t.Errorf("%d values of a pair that cannot be sent", len(values))
			}
		case len(values) != 1 || values[0] != value:
			t.Errorf("%q = %q, want %q", name, values, value)
		}
	})
}
