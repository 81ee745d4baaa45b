package proxy

import (
	"io"
	"net"
	"sync"
	"time"

	"github.com/sessiongate/sessiongate/internal/listener"
)

// tunnelSide is the client or the upstream of a tunnel as the one that bytes go
// to. It is given up where it takes nothing of a write for patience, whatever it
// sends meanwhile. What counts is what leaves the kernel's queue, as with answers
// (see taking); where that cannot be seen, a write of tunnelBuffer bytes has to
// end within patience.
//
// A timer runs only during writes: tunnels are many, and mostly silent.
type tunnelSide struct {
	io.Writer
	socket   net.Conn      // nil: cannot be looked at
	patience time.Duration // 0: no limit
	stuck    func()        // ends the tunnel; a write under way then fails

	mu      sync.Mutex
	timer   *time.Timer
	writing bool
	held    int // bytes in the socket's queue when it was looked at last; -1: not yet
	same    int // looks since that was another number
}

// socketOf is the socket under a connection, if it is to be had.
func socketOf(c any) net.Conn {
	if around, ok := c.(interface{ NetConn() net.Conn }); ok {
		return listener.Socket(around.NetConn())
	}
	socket, _ := c.(net.Conn)
	return socket
}

func (s *tunnelSide) Write(p []byte) (int, error) {
	s.begin()
	defer s.end()
	return s.Writer.Write(p)
}

// CloseWrite ends what goes to this side.
func (s *tunnelSide) CloseWrite() error { return closeWrite(s.Writer) }

func (s *tunnelSide) begin() {
	if s.patience <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing, s.held, s.same = true, -1, 0
	if s.timer == nil {
		s.timer = time.AfterFunc(s.patience/looks, s.look)
		return
	}
	s.timer.Reset(s.patience / looks)
}

func (s *tunnelSide) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = false
	if s.timer != nil {
		s.timer.Stop()
	}
}

// look is called every now and then during a write.
func (s *tunnelSide) look() {
	if s.given() {
		s.stuck()
	}
}

// given says that the side has had its time.
func (s *tunnelSide) given() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.writing {
		return false
	}
	if held, ok := unsent(s.socket); ok && held != s.held {
		s.held, s.same = held, 0
	} else {
		s.same++
	}
	if s.same >= looks {
		return true
	}
	s.timer.Reset(s.patience / looks)
	return false
}
