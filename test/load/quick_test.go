package main

import (
	"os/exec"
	"path/filepath"
	"strings"
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
	var figures, missed strings.Builder
	load := exec.CommandContext(t.Context(), program, "-quick")
	load.Stdout, load.Stderr = &figures, &missed
	if err := load.Run(); err != nil {
		t.Errorf("load -quick: %v\n%s", err, missed.String()) // not the figures that are as they should be
	}
	if testing.Verbose() {
		t.Log(figures.String())
	}
}
