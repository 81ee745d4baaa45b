package housestyle

import (
	"go/ast"
	"path"
	"regexp"
	"strings"
)

const (
	maxFileLines  = 400
	maxFuncLines  = 70
	minDocLetters = 200 // less is a sentence, not a page; a main package needs no more than one
)

// rules is every rule; each looks at one package.
var rules = []func(*pkg) []finding{
	docPage, lengths, importDirection, sleepingTests, hiddenTests, leakChecked, names, leftOpen,
}

// check applies every rule to every package.
func check(pkgs []*pkg) []finding {
	var all []finding
	for _, p := range pkgs {
		for _, rule := range rules {
			all = append(all, rule(p)...)
		}
	}
	return all
}

// docPage: a package says what it is for, what holds, and what it does not do.
func docPage(p *pkg) []finding {
	var longest string
	for _, f := range p.files {
		if doc := f.ast.Doc.Text(); len(doc) > len(longest) {
			longest = doc
		}
	}
	if !strings.HasPrefix(longest, "Package ") && !strings.HasPrefix(longest, "Command ") {
		return []finding{{p.dir, `no package doc: write a doc.go that opens with "// Package …" (for a main package "// Command …")`}}
	}
	if len(longest) < minDocLetters && p.files[0].ast.Name.Name != "main" {
		return []finding{{p.dir, "the package doc is a sentence: say the purpose, the invariants and what the package does not do"}}
	}
	return nil
}

// lengths: files can be read in one go and functions fit a screen. Tables in tests may be longer.
func lengths(p *pkg) []finding {
	var found []finding
	for _, f := range p.files {
		if f.isTest {
			continue
		}
		if f.lines > maxFileLines {
			found = append(found, f.at(f.ast.Package, "%d lines, at most %d: give the second subject a file of its own", f.lines, maxFileLines))
		}
		for _, decl := range f.ast.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := f.line(fn.End()) - f.line(fn.Pos()) + 1; n > maxFuncLines {
				found = append(found, f.at(fn.Pos(), "func %s has %d lines, at most %d", fn.Name.Name, n, maxFuncLines))
			}
		}
	}
	return found
}

// sleepingTests: a test waits for a condition. In files that use testing/synctest a sleep moves the bubble's clock.
func sleepingTests(p *pkg) []finding {
	var found []finding
	for _, f := range p.files {
		name := f.importName("time")
		if !f.isTest || name == "" || f.importName("testing/synctest") != "" {
			continue
		}
		for _, call := range callsOf(f, name, "Sleep") {
			found = append(found, f.at(call.Pos(), "a test that sleeps: wait for the condition, or use testing/synctest"))
		}
	}
	return found
}

// hiddenTests: a test that skips itself is one that nobody runs. What it needs is installed by make test.
func hiddenTests(p *pkg) []finding {
	var found []finding
	for _, f := range p.files {
		if !f.isTest {
			continue
		}
		for _, receiver := range []string{"t", "b", "f", "tb"} {
			for _, method := range []string{"Skip", "Skipf", "SkipNow"} {
				for _, call := range callsOf(f, receiver, method) {
					found = append(found, f.at(call.Pos(), "%s.%s hides a test: fail, and say what make test would install", receiver, method))
				}
			}
		}
	}
	return found
}

// leakChecked: a package that starts goroutines looks for leaked ones when its tests end.
func leakChecked(p *pkg) []finding {
	var tests, checked bool
	var starts *finding
	for _, f := range p.files {
		tests = tests || f.isTest
		checked = checked || f.isTest && len(callsOf(f, f.importName("go.uber.org/goleak"), "VerifyTestMain")) > 0
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok && starts == nil && !f.isTest {
				here := f.at(g.Pos(), "the package starts goroutines: its tests need a TestMain with goleak.VerifyTestMain")
				starts = &here
			}
			return true
		})
	}
	if starts == nil || checked || !tests {
		return nil
	}
	return []finding{*starts}
}

var openEnds = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)

// leftOpen: what is not built is an issue, not a comment.
func leftOpen(p *pkg) []finding {
	var found []finding
	for _, f := range p.files {
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				if word := openEnds.FindString(c.Text); word != "" {
					found = append(found, f.at(c.Pos(), "a comment says %s: do it, or open an issue", word))
				}
			}
		}
	}
	return found
}

var emptyWords = map[string]bool{
	"util": true, "utils": true, "common": true, "helper": true, "helpers": true,
	"manager": true, "managers": true, "misc": true, "base": true,
}

// names: a name says what a thing is. Accessors have no Get.
func names(p *pkg) []finding {
	var found []finding
	if emptyWords[path.Base(p.dir)] {
		found = append(found, finding{p.dir, "a package name that says nothing: name what is in it"})
	}
	for _, f := range p.files {
		stem := strings.TrimSuffix(strings.TrimSuffix(path.Base(f.name), ".go"), "_test")
		if emptyWords[stem] {
			found = append(found, f.at(f.ast.Package, "a file name that says nothing: name what is in it"))
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if after, ok := strings.CutPrefix(n.Name.Name, "Get"); ok && after != "" && strings.ToUpper(after[:1]) == after[:1] {
					found = append(found, f.at(n.Pos(), "func %s: accessors have no Get", n.Name.Name))
				}
			case *ast.TypeSpec:
				if emptyType.MatchString(n.Name.Name) {
					found = append(found, f.at(n.Pos(), "type %s: say what it does, not that it manages or helps", n.Name.Name))
				}
			}
			return true
		})
	}
	return found
}

var emptyType = regexp.MustCompile(`(?:Manager|Helpers?|Utils?)$|^(?:manager|helpers?|utils?)$`)

// callsOf are the calls written receiver.method(…) in the file; none for an empty receiver.
func callsOf(f *source, receiver, method string) []*ast.CallExpr {
	var calls []*ast.CallExpr
	ast.Inspect(f.ast, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || selector.Sel.Name != method {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && receiver != "" && x.Name == receiver {
			calls = append(calls, call)
		}
		return true
	})
	return calls
}
