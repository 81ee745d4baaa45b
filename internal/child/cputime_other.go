//go:build unix && !linux

package child

import (
	"errors"
	"time"
)

// CPUTime needs Linux's CPU-time clocks of other processes.
func CPUTime(int) (time.Duration, error) {
	return 0, errors.New("the CPU time of another process is measured on Linux only")
}
