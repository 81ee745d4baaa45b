package spool

import (
	"os"
	"testing"
)

func TestTmpfsIsKnown(t *testing.T) {
	if info, err := os.Stat("/dev/shm"); err != nil || !info.IsDir() {
		t.Fatalf("this test needs /dev/shm, which every Linux with glibc has: %v", err)
	}
	if !onTmpfs("/dev/shm") {
		t.Error("/dev/shm is not taken for a tmpfs")
	}
	if onTmpfs("/proc") {
		t.Error("/proc is taken for a tmpfs")
	}
}
