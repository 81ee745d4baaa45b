//go:build !linux

package keepalive

// quiet has no portable answer; net/http's own watch has to do.
func (w *wire) quiet() bool { return true }

// acknowledged has no portable answer.
func (w *wire) acknowledged() int64 { return -1 }
