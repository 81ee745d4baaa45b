package phpvar

import (
	"strings"
	"testing"
)

func TestSpellingOf(t *testing.T) {
	tests := []struct {
		sent, name string
		want       Spelling
	}{
		{"a", "a", Plain},
		{"  a", "a", Plain},
		{"a ", "a_", Plain},
		{"a.b", "a_b", Plain},
		{"a.b", "a.b", Other},
		{"a[b.c[", "a_b_c_", Plain},
		{"[", "_", Other},
		{"[]", "", Other},
		{"", "", Other},
		{"a[]", "a", Array},
		{"a.b[c", "a_b_c", Plain},
		{"a.b[c]d", "a_b", Array},
		{"a" + strings.Repeat("[]", 64), "a", Array},
		{"a" + strings.Repeat("[]", 65), "a", TooDeep},
		{"a" + strings.Repeat("[]", 64) + "[", "a", TooDeep},
		{"a[__Host-x]" + strings.Repeat("[]", 64), "a", Array},
		{"__Host-a[__Host-x]" + strings.Repeat("[]", 64), "__Host-a", TooDeep},
		{"..Secure-a", "__Secure-a", Other},
		{"__Secure-a.b", "__Secure-a_b", Plain},
	}
	for _, tt := range tests {
		if got := SpellingOf(tt.sent, tt.name); got != tt.want {
			t.Errorf("%q for %q: %v, want %v", tt.sent, tt.name, got, tt.want)
		}
		variable, got := AppendVariable(nil, tt.sent)
		if is := got != Other && string(variable) == tt.name; is != (tt.want != Other) || is && got != tt.want {
			t.Errorf("%q is the variable %q: %v, want %q: %v", tt.sent, variable, got, tt.name, tt.want)
		}
	}
}

func TestDecoding(t *testing.T) {
	tests := []struct{ in, raw, query string }{
		{"a+b%2b%zz%4", "a+b+%zz%4", "a b+%zz%4"},
		{"%2541%%41", "%41%A", "%41%A"},
		{"", "", ""},
	}
	for _, tt := range tests {
		if got := RawURLDecode(tt.in); got != tt.raw {
			t.Errorf("RawURLDecode(%q) = %q", tt.in, got)
		}
		if got := string(AppendURLDecode(nil, tt.in)); got != tt.query {
			t.Errorf("AppendURLDecode(%q) = %q", tt.in, got)
		}
	}
}

// FuzzSpellingOf holds that a copy of bytes is read like the string, that a
// plain spelling folds to the name, and that an array begins with it.
func FuzzSpellingOf(f *testing.F) {
	f.Add(" a.b[c", "a_b_c")
	f.Add("a[__Host-b][][ ]x", "a")
	f.Fuzz(func(t *testing.T, sent, name string) {
		got := SpellingOf(sent, name)
		if again := SpellingOf([]byte(sent), name); again != got {
			t.Fatalf("%q for %q: %v as a string, %v as bytes", sent, name, got, again)
		}
		if variable, found := AppendVariable(nil, sent); found != Other && SpellingOf(sent, string(variable)) != found ||
			got != Other && (got != found || string(variable) != name) {
			t.Fatalf("%q for %q: %v, as the variable %q: %v", sent, name, got, variable, found)
		}
		begin, _, _ := strings.Cut(strings.TrimLeft(sent, " "), "[")
		switch {
		case got == Plain && Fold(strings.TrimLeft(sent, " ")) != name,
			(got == Array || got == TooDeep) && Fold(begin) != name,
			got != Other && strings.ContainsAny(name, " .["):
			t.Fatalf("%q for %q: %v", sent, name, got)
		}
	})
}
