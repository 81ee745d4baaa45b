package child

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime is the CPU time, user and system, that all threads of a process have
// used. It reads the process's CPU-time clock, which counts nanoseconds where
// /proc/PID/stat counts ticks of 10 ms. The clock's id is made as
// clock_getcpuclockid(3) makes it: the inverted process id, and CPUCLOCK_SCHED.
func CPUTime(pid int) (time.Duration, error) {
	const clockSched = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|clockSched, &ts); err != nil {
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}
