//go:build !linux

package systemd

import "time"

// monotonic is asked for by systemd alone, which is on Linux.
func monotonic() time.Duration { return 0 }
