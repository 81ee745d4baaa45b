//go:build unix && !linux

package child

import (
	"errors"
	"time"
)

// CPU needs Linux's CPU-time clocks of other processes.
func (c *Child) CPU() (time.Duration, error) {
	return 0, errors.New("the CPU time of another process is measured on Linux only")
}
