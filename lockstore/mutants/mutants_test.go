package mutants

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mutant is a rule taken out: old, which must stand in the file once, becomes
// new, and every one of the tests must fail.
type mutant struct {
	rule     string
	file     string
	old, new string
	tests    []string
}

func TestEveryRuleIsTested(t *testing.T) {
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	place := t.TempDir()
	scripts := filepath.Join(place, "scripts.test")
	build(t, dir, scripts, without(t, dir, "lease_", nil))
	for _, m := range scriptRules {
		t.Run(m.rule, func(t *testing.T) {
			t.Parallel()
			m.killed(t, dir, scripts, "LOCKSTORE_SCRIPTS="+filepath.Dir(m.written(t, dir)))
		})
	}
	overlay := without(t, dir, "lease_", append(redisSide, "lease_scripts_test.go", "lease_turnscript_test.go", "lease_renewscript_test.go"))
	for _, m := range slices.Concat(gateRules, timeRules) {
		t.Run(m.rule, func(t *testing.T) {
			t.Parallel()
			changed := maps.Clone(overlay)
			changed[filepath.Join(dir, m.file)] = m.written(t, dir)
			binary := filepath.Join(t.TempDir(), "mutant.test")
			build(t, dir, binary, changed)
			m.killed(t, dir, binary)
		})
	}
}

// redisSide is what the state machine does not need: without it a mutant is
// built in a fraction of the time.
var redisSide = []string{
	"redis.go", "redis_client.go", "redis_life.go", "redis_options.go", "crew.go", "wire.go", "lane.go", "inbox.go", "follow.go", "scripts.go", "watch.go",
	"examine.go", "examine_dial.go", "faults.go", "fingerprint.go", "inspect.go", "roster.go", "way.go",
}

// without is an overlay in which some files are missing, and all tests but those
// whose file names begin as said.
func without(t *testing.T, dir, tests string, files []string) map[string]string {
	all, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(all) == 0 {
		t.Fatalf("no tests in %s: %v", dir, err)
	}
	overlay := make(map[string]string)
	for _, file := range all {
		if !strings.HasPrefix(filepath.Base(file), tests) {
			overlay[file] = ""
		}
	}
	for _, file := range files {
		overlay[filepath.Join(dir, file)] = ""
	}
	return overlay
}

// build compiles the tests of lockstore with some files replaced.
func build(t *testing.T, dir, binary string, replace map[string]string) {
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "overlay.json")
	write(t, file, string(overlay))
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", file, "-o", binary, ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the tests do not compile: %v\n%s", err, out)
	}
}

// written is the mutant's file, in a folder of its own.
func (m mutant) written(t *testing.T, dir string) string {
	source, err := os.ReadFile(filepath.Join(dir, m.file))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Fatalf("this stands in %s %d times, and has to once:\n%s", m.file, n, m.old)
	}
	file := filepath.Join(t.TempDir(), m.file)
	write(t, file, strings.Replace(string(source), m.old, m.new, 1))
	return file
}

// killed runs the tests that are named.
func (m mutant) killed(t *testing.T, dir, binary string, environment ...string) {
	run := exec.CommandContext(t.Context(), binary, "-test.timeout=30s", "-test.run", "^("+strings.Join(m.tests, "|")+")$")
	run.Dir = dir
	run.Env = append(os.Environ(), environment...)
	out, err := run.CombinedOutput()
	for _, test := range m.tests {
		if err == nil || !strings.Contains(string(out), "--- FAIL: "+test+" ") {
			t.Errorf("%s does not fail without the rule; the run: %v\n%s", test, err, out)
		}
	}
}

func write(t *testing.T, file, text string) {
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
