package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each hazard of docs/locking.md names the tests that hold it; a name that ends
// with … stands for all that begin so.
func TestTheTestsThatDocsNameExist(t *testing.T) {
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "locking.md"))
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	for _, folder := range []string{"lockstore", "test/fault", "test/e2e"} {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(folder), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(source)
		}
	}
	names := regexp.MustCompile("`(Test\\w+)(…?)`").FindAllStringSubmatch(string(page), -1)
	if len(names) < 40 {
		t.Fatalf("docs/locking.md names %d tests", len(names))
	}
	for _, name := range names {
		end := "("
		if name[2] != "" {
			end = ""
		}
		if !strings.Contains(sources.String(), "\nfunc "+name[1]+end) {
			t.Errorf("docs/locking.md names %s, which does not exist", name[1])
		}
	}
}
