package housestyle

import (
	"strings"
	"testing"
)

const page = `// Package sample stands for a package whose doc page says what it is for, which invariants hold in it, and what
// it does not do. It is long enough to be a page and not a sentence, since the rule counts letters, and two hundred
// of them are needed.
`

// TestEachRuleFindsItsBreach gives every rule a package that breaks it, and expects exactly that finding.
func TestEachRuleFindsItsBreach(t *testing.T) {
	long := strings.Repeat("\n", maxFileLines)
	longBody := strings.Repeat("\n", maxFuncLines)
	tests := map[string]struct {
		name, text string // one file of folder internal/sample, unless the name has a folder
		want       string
	}{
		"no doc":           {"a.go", "package sample", `internal/sample: no package doc`},
		"doc too short":    {"a.go", "// Package sample is one.\npackage sample", `internal/sample: the package doc is a sentence`},
		"long file":        {"a.go", page + "package sample" + long, `internal/sample/a.go:4: 403 lines, at most 400`},
		"long function":    {"a.go", page + "package sample\nfunc f() {" + longBody + "}", `internal/sample/a.go:5: func f has 71 lines, at most 70`},
		"sleeping test":    {"a_test.go", page + "package sample\nimport \"time\"\nfunc f() { time.Sleep(1) }", `internal/sample/a_test.go:6: a test that sleeps`},
		"skipped test":     {"a_test.go", page + "package sample\nfunc f(t T) { t.Skip() }", `internal/sample/a_test.go:5: t.Skip hides a test`},
		"empty package":    {"internal/util/a.go", page + "package util", `internal/util: a package name that says nothing`},
		"empty file name":  {"helpers_test.go", page + "package sample", `internal/sample/helpers_test.go:4: a file name that says nothing`},
		"Get":              {"a.go", page + "package sample\nfunc GetIt() {}", `internal/sample/a.go:5: func GetIt: accessors have no Get`},
		"manager":          {"a.go", page + "package sample\ntype LineManager struct{}", `internal/sample/a.go:5: type LineManager`},
		"open end":         {"a.go", page + "package sample\n// TODO: more", `internal/sample/a.go:5: a comment says TODO`},
		"upward import":    {"a.go", page + "package sample\nimport _ \"" + modulePath + "/internal/app\"", `internal/sample/a.go:5: internal/sample must not import internal/app`},
		"sideways import":  {"proxy/a.go", page + "package proxy\nimport _ \"" + modulePath + "/internal/admin\"", `proxy/a.go:5: proxy must not import internal/admin`},
		"library knows us": {"lockstore/a.go", page + "package lockstore\nimport _ \"" + modulePath + "/internal/spool\"", `lockstore/a.go:5: lockstore must not import internal/spool`},
		"library and HTTP": {"limiter/a.go", page + "package limiter\nimport _ \"net/http\"", `limiter/a.go:5: limiter is a library and must not know net/http`},
		"unknown folder":   {"stuff/a.go", page + "package stuff", `stuff: a folder that docs/architecture.md, Rooms, does not know`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found := check([]*pkg{packageOf(t, test.name, test.text)})
			if len(found) != 1 || !strings.HasPrefix(found[0].String(), test.want) {
				t.Errorf("found %q, want one finding that starts with %q", found, test.want)
			}
		})
	}
}

func TestLeakCheckIsAskedOfPackagesThatStartGoroutines(t *testing.T) {
	starts := page + "package sample\nfunc f() { go f() }"
	checked := "package sample\nimport \"go.uber.org/goleak\"\nfunc TestMain(m M) { goleak.VerifyTestMain(m) }"

	p := packageOf(t, "a.go", starts)
	p.files = append(p.files, parse(t, "internal/sample/a_test.go", "package sample"))
	if found := leakChecked(p); len(found) != 1 {
		t.Errorf("without goleak: found %q, want one finding", found)
	}
	p.files = append(p.files, parse(t, "internal/sample/main_test.go", checked))
	if found := leakChecked(p); len(found) != 0 {
		t.Errorf("with goleak: found %q", found)
	}
}

func TestWhatTheHouseAllows(t *testing.T) {
	tests := map[string]struct{ name, text string }{
		"sleep in a synctest file":   {"a_test.go", page + "package sample\nimport (\"testing/synctest\"; \"time\")\nfunc f() { time.Sleep(1) }"},
		"sentence for main":          {"cmd/x/main.go", "// Command x does it.\npackage main"},
		"another Sleep":              {"a_test.go", page + "package sample\nfunc f(c clock) { c.Sleep(1) }"},
		"Get itself, Getter, getter": {"a.go", page + "package sample\nfunc (h header) Get() {}\nfunc Getter() {}\nfunc getter() {}"},
		"leaf to leaf":               {"a.go", page + "package sample\nimport _ \"" + modulePath + "/internal/clientip\""},
		"leaf to library":            {"a.go", page + "package sample\nimport _ \"" + modulePath + "/lockstore\""},
		"proxy to its transport":     {"proxy/a.go", page + "package proxy\nimport _ \"" + modulePath + "/proxy/fastcgi\""},
		"suite of a library":         {"lockstore/lockstoretest/a.go", page + "package lockstoretest\nimport _ \"" + modulePath + "/lockstore\""},
		"test programs":              {"test/load/a.go", page + "package load\nimport _ \"" + modulePath + "/internal/app\""},
		"long test file":             {"a_test.go", page + "package sample" + strings.Repeat("\n", maxFileLines)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if found := check([]*pkg{packageOf(t, test.name, test.text)}); len(found) != 0 {
				t.Errorf("found %q, want none", found)
			}
		})
	}
}

func TestNobodyImportsUpwards(t *testing.T) {
	downwards := []string{
		"cmd/sessiongate", "internal/cli", "internal/demo", "internal/app", "proxy", "internal/rules", "lockstore",
	}
	for i, from := range downwards {
		for j, to := range downwards {
			if from == to {
				continue
			}
			if got, want := mayImport(from, to), i < j; got != want {
				t.Errorf("mayImport(%s, %s) = %v, want %v", from, to, got, want)
			}
		}
	}
	if mayImport("proxy/fastcgi", "proxy") {
		t.Error("a package below proxy may import proxy")
	}
	if mayImport("internal/cli", "test/load") {
		t.Error("the program may import its test programs")
	}
}

func packageOf(t *testing.T, name, text string) *pkg {
	t.Helper()
	dir := "internal/sample"
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		dir = name[:i]
	} else {
		name = dir + "/" + name
	}
	return &pkg{dir: dir, files: []*source{parse(t, name, text)}}
}

func parse(t *testing.T, name, text string) *source {
	t.Helper()
	file, err := parseSource(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return file
}
