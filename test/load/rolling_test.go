package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRollsAreCountedByWhatTheServersHaveBegun(t *testing.T) {
	journal := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(journal, []byte("begin 1-1\nend 1-1 1.5\nbegin 1-2 1.5\nbegin 1-3\nbegin 1-3 2.5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	begun, err := begins(journal)
	if err != nil {
		t.Fatal(err)
	}
	r := rolls{all: map[string]bool{"1-1": true, "1-2": false, "1-3": true, "1-4": false}}
	if twice, unseen, cutOff := r.count(begun); twice != 1 || unseen != 1 || cutOff != 1 {
		t.Errorf("%d twice, %d begun by no server, %d cut off; want one of each", twice, unseen, cutOff)
	}
}
