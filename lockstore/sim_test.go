package lockstore

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestSimulatedGates lets gates lock against each other in a world in which
// everything goes wrong that can. SIMULATIONS says how many worlds, SIMULATION
// which one alone.
func TestSimulatedGates(t *testing.T) {
	if seed, err := strconv.ParseUint(os.Getenv("SIMULATION"), 10, 64); err == nil {
		simulate(t, seed)
		return
	}
	worlds := uint64(3000)
	if n, err := strconv.ParseUint(os.Getenv("SIMULATIONS"), 10, 64); err == nil {
		worlds = n
	}
	for seed := range worlds {
		if !simulate(t, seed) {
			return
		}
	}
}

// simulate runs one world; where it fails, it does so once more and tells all.
func simulate(t *testing.T, seed uint64) bool {
	t.Helper()
	w := newWorld(seed, false)
	w.run()
	if w.failure == "" {
		return true
	}
	again := newWorld(seed, true)
	again.run()
	t.Errorf("SIMULATION=%d: %s\n%s", seed, w.failure, strings.Join(again.trace, "\n"))
	return false
}
