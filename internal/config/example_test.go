package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

const exampleFile = "../../config.example.yaml"

func TestTheExampleIsTheDefaults(t *testing.T) {
	cfg, err := Load(Source{Path: exampleFile})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(cfg, Defaults()) {
		t.Errorf("got\n%+v\nwant\n%+v", cfg, Defaults())
	}
}

func TestTheExampleSaysEveryKey(t *testing.T) {
	content := readExample(t)
	r := newReport(exampleFile)
	if err := (&document{report: r}).Decode(content, map[string]any{}); err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for path := range r.origins {
		said[general(path)] = true
	}
	walkKeys(reflect.TypeFor[Config](), "", func(path string, typ reflect.Type) {
		key := path[strings.LastIndex(path, ".")+1:]
		switch {
		case typ == secretType:
		case isShownByEntries(path):
			if !said[path] {
				t.Errorf("%s is missing", path)
			}
		case !regexp.MustCompile(`\b` + key + `\b`).Match(content):
			t.Errorf("%s is not named in a comment", path)
		}
	})
}

// isShownByEntries is false for lists that are empty by default: what their
// entries may say stands in comments. An upstream's session is such too.
func isShownByEntries(path string) bool {
	for _, empty := range []string{"rules[]", "limits[]", "concurrency[]", "upstreams[].params[]", "upstreams[].session."} {
		if strings.HasPrefix(path, empty) {
			return false
		}
	}
	return true
}

// TestTheSamplesOfTheExampleAreRead takes the comment signs off the samples.
func TestTheSamplesOfTheExampleAreRead(t *testing.T) {
	content := regexp.MustCompile(`(?m)^(rules|limits|concurrency): \[\]$`).ReplaceAll(readExample(t), []byte("$1:"))
	content = regexp.MustCompile(`(?m)^#  ([- ] )`).ReplaceAll(content, []byte("  $1"))
	if strings.Count(string(content), "\n  - name: ") != 8 {
		t.Fatalf("not all samples were found in\n%s", content)
	}
	if _, err := load(Source{Path: exampleFile}, content); err != nil {
		t.Error(err)
	}
}

func readExample(t *testing.T) []byte {
	t.Helper()
	content, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
