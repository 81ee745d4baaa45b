package systemd

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonic is the time of the clock that systemd goes by, 0 where there is none.
func monotonic() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0
	}
	return time.Duration(now.Nano())
}
