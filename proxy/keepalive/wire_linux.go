package keepalive

import "golang.org/x/sys/unix"

// quiet says that nothing has come from the server, nor has it closed. It never
// blocks.
func (w *wire) quiet() bool {
	if w.raw == nil {
		return true
	}
	quiet := false
	err := w.raw.Control(func(fd uintptr) {
		poll := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | unix.POLLRDHUP}}
		n, err := unix.Poll(poll[:], 0)
		quiet = err == nil && n == 0
	})
	return err == nil && quiet
}

// acknowledged is how many bytes the kernel on the other side has got; -1: there
// is no saying.
func (w *wire) acknowledged() int64 {
	if w.raw == nil {
		return -1
	}
	acked := int64(-1)
	_ = w.raw.Control(func(fd uintptr) { // a closed socket says nothing
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			acked = int64(info.Bytes_acked)
		}
	})
	return acked
}
