package main

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestQuickRunKeepsItsBounds builds this program without the race detector,
// which would be the greater part of what is measured, and has it take every
// measurement that needs nothing but what make test installs.
func TestQuickRunKeepsItsBounds(t *testing.T) {
	program := filepath.Join(t.TempDir(), "load")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", program, ".")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), program, "-quick").CombinedOutput()
	if err != nil {
		t.Errorf("load -quick: %v", err)
	}
	t.Logf("%s", out)
}
