//go:build !linux

package keepalive

// quiet has no portable answer: no connection is used again.
func (w *wire) quiet() bool { return false }

// acknowledged has no portable answer.
func (w *wire) acknowledged() int64 { return -1 }
