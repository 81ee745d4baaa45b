package housestyle

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// modulePath is the import path of the module under test.
const modulePath = "github.com/sessiongate/sessiongate"

// source is one parsed .go file.
type source struct {
	name   string // slash-separated, relative to the module: "proxy/relay.go"
	isTest bool
	lines  int
	fset   *token.FileSet
	ast    *ast.File
}

// pkg is one folder with .go files: a package together with its tests.
type pkg struct {
	dir   string // slash-separated, relative to the module: "proxy/fastcgi"
	files []*source
}

// finding is one breach of a rule.
type finding struct {
	where string // "proxy/relay.go:12"
	what  string
}

func (f finding) String() string { return f.where + ": " + f.what }

func (s *source) at(pos token.Pos, format string, args ...any) finding {
	where := s.name + ":" + strconv.Itoa(s.line(pos))
	return finding{where: where, what: fmt.Sprintf(format, args...)}
}

func (s *source) line(pos token.Pos) int { return s.fset.Position(pos).Line }

// importName is the name under which the file imports importPath, "" where it does not.
func (s *source) importName(importPath string) string {
	for _, imp := range s.ast.Imports {
		if importOf(imp) != importPath {
			continue
		}
		if imp.Name != nil {
			return imp.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

func importOf(imp *ast.ImportSpec) string {
	importPath, err := strconv.Unquote(imp.Path.Value)
	if err != nil { // the parser has read it already
		return imp.Path.Value
	}
	return importPath
}

// parseSource parses one file; name is what findings call it.
func parseSource(name string, text []byte) (*source, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	return &source{
		name:   name,
		isTest: strings.HasSuffix(name, "_test.go"),
		lines:  fset.File(file.FileStart).LineCount(),
		fset:   fset,
		ast:    file,
	}, nil
}

// moduleRoot is the nearest folder above the working directory with a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find the module: no go.mod in or above the working directory")
		}
		dir = parent
	}
}

// readTree parses every .go file of the module whose root is given, grouped by folder in order of name.
func readTree(root string) ([]*pkg, error) {
	var pkgs []*pkg
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if name != "." && leftOut(tree, name) {
			return fs.SkipDir
		}
		files, err := readDir(tree, name)
		if err != nil {
			return err
		}
		if len(files) > 0 {
			pkgs = append(pkgs, &pkg{dir: name, files: files})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the tree: %w", err)
	}
	return pkgs, nil
}

func leftOut(tree fs.FS, name string) bool {
	base := path.Base(name)
	if base == "testdata" || base == "bin" || base == "dist" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := fs.Stat(tree, path.Join(name, "go.mod"))
	return err == nil
}

func readDir(tree fs.FS, dir string) ([]*source, error) {
	names, err := fs.Glob(tree, path.Join(dir, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	var files []*source
	for _, name := range names {
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil, fmt.Errorf("read: %w", err)
		}
		file, err := parseSource(name, text)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}
