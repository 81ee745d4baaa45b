package rules

import (
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"
)

func TestNormalizePath(t *testing.T) {
	const script = "/index.php"
	tests := []struct{ path, script, want string }{
		{"/", script, "/"},
		{"", script, "/"},
		{"/a/b", script, "/a/b"},
		{"/a/b/", script, "/a/b/"},
		{"//a///b//", script, "/a/b/"},
		{"/a/./b/.", script, "/a/b/"},
		{"/a/../b", script, "/b"},
		{"/a/b/..", script, "/a/"},
		{"/../../a", script, "/a"},
		{"/..", script, "/"},
		{"/a/b/../../../c", script, "/c"},
		{"/a//../b", script, "/b"},
		{"/...", script, "/..."},
		{"/.a/..b", script, "/.a/..b"},
		{"/%61", script, "/a"},
		{"/%2561", script, "/%61"},
		{"/a%2Fb", script, "/a/b"},
		{"/a/%2e%2E/b", script, "/b"},
		{"/a/.%2e%2fb", script, "/b"},
		{"/a%5c..%5cb", script, `/a\..\b`},
		{"/a+b", script, "/a+b"},
		{"/a;x=1/b", script, "/a;x=1/b"},
		{"/caf%C3%A9", script, "/café"},
		{"/index.php", script, "/"},
		{"/index.php/", script, "/"},
		{"/index.php/a", script, "/a"},
		{"/index%2ephp/a", script, "/a"},
		{"//index.php//a", script, "/a"},
		{"/x/../index.php/a/../b", script, "/b"},
		{"/index.php/index.php/a", script, "/a"},
		{"/index.phpx/a", script, "/index.phpx/a"},
		{"/x/index.php/a", script, "/x/index.php/a"},
		{"/index.php/a", "", "/index.php/a"},
		{"/shop/index.php/a", "/shop/index.php", "/shop/a"},
		{"/shop/index.php", "/shop/index.php", "/shop/"},
		{"/index.php/a", "/shop/index.php", "/index.php/a"},
		{"/a", "/", "/a"},
		{"/a/b", "/a/", "/a/b"},
	}
	for _, tt := range tests {
		got, err := NormalizePath(tt.path, tt.script)
		if err != nil || got != tt.want {
			t.Errorf("NormalizePath(%q, %q) = %q, %v; want %q", tt.path, tt.script, got, err, tt.want)
		}
	}
}

func TestPathsWithoutNormalForm(t *testing.T) {
	for path, want := range map[string]error{
		"/a%":     ErrPathEscape,
		"/a%2":    ErrPathEscape,
		"/a%zz":   ErrPathEscape,
		"/a%00":   ErrPathNUL,
		"/a\x00b": ErrPathNUL,
		"*":       ErrPathRelative,
		"a":       ErrPathRelative,
		"%2fa":    ErrPathRelative,
	} {
		if got, err := NormalizePath(path, ""); !errors.Is(err, want) {
			t.Errorf("NormalizePath(%q) = %q, %v; want %v", path, got, err, want)
		}
	}
}

// TestTheRuleForServersThatReadPathsOtherwise holds the expression of docs/rules.md.
func TestTheRuleForServersThatReadPathsOtherwise(t *testing.T) {
	const expr = `.*[;\\%\x{FFFD}].*`
	page, err := os.ReadFile("../../docs/rules.md")
	if err != nil || !strings.Contains(string(page), "'"+expr+"'") {
		t.Fatalf("docs/rules.md does not have %s (%v)", expr, err)
	}
	reject := true
	set, err := Compile(Policy{}, []Rule{{Name: "read-otherwise", Match: Match{PathRegex: []string{expr}}, Reject: &reject}})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"/static/..;/admin":         true,
		"/admin;x":                  true,
		"/static/..%5cadmin":        true,
		"/static/..%252fadmin":      true,
		"/%2561dmin":                true,
		"/static/..%c0%afadmin":     true,
		"/x/%c0%ae%c0%ae/admin":     true, // overlong in two bytes
		"/x/%e0%80%afadmin":         true, // in three
		"/x/%f0%80%80%afadmin":      true, // in four
		"/x/%ed%a0%80":              true, // a surrogate
		"/caf%e9":                   true, // Latin-1
		"/caf%c3%a9":                false,
		"/a+b/%E2%82%AC/~x:y@z,(1)": false,
		"/a%20b%2fc":                false,
	} {
		normal, err := NormalizePath(path, "")
		if err != nil {
			t.Fatal(err)
		}
		decision := set.Decide(&Request{Path: normal})
		if got := decision.Number == 1; got != want {
			t.Errorf("%s, seen as %q: refused is %v, want %v", path, normal, got, want)
		}
	}
}

func TestNormalPathIsNotCopied(t *testing.T) {
	for _, path := range []string{"/", "/catalogue/a.b/..c/d.html", "/index.php/a/b"} {
		if n := testing.AllocsPerRun(100, func() { NormalizePath(path, "/index.php") }); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}

func FuzzNormalizePath(f *testing.F) {
	for _, seed := range []string{"/a/../b", "//%2e%2E/index.php", "/shop/index.php/%2561", "/%", "/a/.", `/a\..\b`} {
		f.Add(seed, "/index.php")
		f.Add(seed, "/shop/index.php")
	}
	f.Fuzz(func(t *testing.T, path, script string) {
		got, err := NormalizePath(path, "")
		checkNormal(t, path, got, err)
		if err == nil {
			checkAgain(t, got, "")
		}
		clean, scriptErr := NormalizePath(script, "")
		if scriptErr != nil || clean != script {
			return // the configuration refuses such a script
		}
		got, err = NormalizePath(path, script)
		checkNormal(t, path, got, err)
		if err == nil {
			checkAgain(t, got, script)
		}
	})
}

func checkNormal(t *testing.T, path, got string, err error) {
	t.Helper()
	if err != nil {
		if got != "" {
			t.Fatalf("%q: %q beside error %v", path, got, err)
		}
		return
	}
	if !strings.HasPrefix(got, "/") || strings.ContainsRune(got, 0) {
		t.Fatalf("%q gave %q", path, got)
	}
	if strings.Contains(got, "//") || strings.Contains(got+"/", "/./") || strings.Contains(got+"/", "/../") {
		t.Fatalf("%q gave %q", path, got)
	}
}

func checkAgain(t *testing.T, normal, script string) {
	t.Helper()
	escaped := strings.ReplaceAll(url.PathEscape(normal), "%2F", "/")
	if again, err := NormalizePath(escaped, script); err != nil || again != normal {
		t.Fatalf("%q (script %q), escaped as %q, became %q, %v", normal, script, escaped, again, err)
	}
}

func BenchmarkNormalizePath(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		NormalizePath("/catalogue/women/dresses/a-long-blue-one.html", "/index.php")
	}
}

func TestUnresolvedPath(t *testing.T) {
	for sent, want := range map[string]string{
		"/": "", "/a/b.c/.d/..e": "", "/a%2Eb/": "", "//a": "", "/%zz/..": "", "": "",
		"/a/../b": "/a/../b", "/a/%2e%2E%2fb": "/a/../b", "//a//.": "/a/.", "/./a/": "/./a/", "/a/..": "/a/..",
		"/index.php/a/../b": "/a/../b", "/../index.php": "/../index.php",
	} {
		if got := UnresolvedPath(sent, "/index.php"); got != want {
			t.Errorf("%q: %q, want %q", sent, got, want)
		}
	}
}
