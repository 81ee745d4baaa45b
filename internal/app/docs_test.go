package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/config"
)

// TestSamplesOfTheDocsAreTaken loads every configuration that docs/rules.md
// shows.
func TestSamplesOfTheDocsAreTaken(t *testing.T) {
	content, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	samples := strings.Split(string(content), "```yaml\n")[1:]
	if len(samples) < 4 {
		t.Fatalf("%d samples: the page is not read as it is written", len(samples))
	}
	for _, sample := range samples {
		sample, _, _ = strings.Cut(sample, "```")
		path := filepath.Join(t.TempDir(), "sample.yaml")
		if err := os.WriteFile(path, []byte(sample), 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, err := config.Load(config.Source{Path: path, Check: Check})
		if err != nil {
			t.Errorf("%s\n%v", sample, err)
			continue
		}
		for _, w := range config.Warnings(loaded) {
			if !strings.Contains(sample, "check warns") {
				t.Errorf("%s\nwarning: %v", sample, w)
			}
		}
	}
}

// TestSamplesOfDeployAreTaken loads every configuration of deploy/apps: none has
// a mistake, or anything that check warns of.
func TestSamplesOfDeployAreTaken(t *testing.T) {
	paths, err := filepath.Glob("../../deploy/apps/*.yaml")
	if err != nil || len(paths) < 4 {
		t.Fatalf("%q, %v: the samples have moved", paths, err)
	}
	for _, path := range paths {
		loaded, err := config.Load(config.Source{Path: path, Check: Check})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for _, w := range config.Warnings(loaded) {
			t.Errorf("%s: warning: %v", path, w)
		}
	}
}
