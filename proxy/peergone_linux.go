package proxy

import "golang.org/x/sys/unix"

// peerGone asks the kernel whether the other side has closed its connection,
// whatever unread bytes stand before the end. It never blocks.
func (s *socket) peerGone() bool {
	if s.raw == nil {
		return false
	}
	gone := false
	err := s.raw.Control(func(fd uintptr) {
		poll := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(poll[:], 0)
		gone = err == nil && n > 0
	})
	return gone || err != nil // closed on our side already
}
