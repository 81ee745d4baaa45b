package listener

import (
	"net"
	"sync"
)

// idle is the connections on which no request is under way, in the order in
// which they came to be so. It closes the oldest when there is need of room.
//
// A connection is closed under the mutex that its next request has to pass: so a
// request is either not touched, or it is known to have come too late.
type idle struct {
	mu          sync.Mutex
	connections map[net.Conn]*idleConn
	oldest      *idleConn
	newest      *idleConn
	wanted      bool // somebody waits for room: the next one to come is closed
}

type idleConn struct {
	conn           net.Conn
	older, younger *idleConn
	shed           bool // closed, and no longer in the list
}

// add notes that a connection is idle. Where somebody waits for room it is
// closed at once.
func (i *idle) add(c net.Conn) (shed bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.connections[c] != nil {
		return false // a server does not say so twice; the list must not have it twice either
	}
	e := &idleConn{conn: c, older: i.newest}
	i.connections[c] = e
	if i.newest != nil {
		i.newest.younger = e
	} else {
		i.oldest = e
	}
	i.newest = e
	if !i.wanted {
		return false
	}
	i.wanted = false
	i.shedLocked(e)
	return true
}

// remove notes that a connection is not idle any more; shed says that it was
// closed while it was.
func (i *idle) remove(c net.Conn) (shed bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	e := i.connections[c]
	if e == nil {
		return false
	}
	delete(i.connections, c)
	if !e.shed {
		i.unlinkLocked(e)
	}
	return e.shed
}

// shedOldest closes the connection that has been idle for longest. Where none
// is, the next one to be so is closed, until enough is called.
func (i *idle) shedOldest() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.oldest == nil {
		i.wanted = true
		return false
	}
	i.shedLocked(i.oldest)
	return true
}

// enough says that nobody waits for room any more.
func (i *idle) enough() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.wanted = false
}

// shedLocked ends the connection both ways, and leaves its socket to the server,
// which notes the end and closes it: to close on bytes that nobody has read would
// be a reset, and could take the last answer away. TLS does not get to say
// goodbye: that is a write, for which a client could let everybody wait.
func (i *idle) shedLocked(e *idleConn) {
	i.unlinkLocked(e)
	e.shed = true
	c := Socket(e.conn)
	halves, ok := c.(interface {
		CloseRead() error
		CloseWrite() error
	})
	if !ok {
		_ = c.Close() // the server closes it once more
		return
	}
	_ = halves.CloseWrite() // it may have ended by itself
	_ = halves.CloseRead()
}

// Socket takes off what stands around a socket: TLS, the PROXY protocol.
func Socket(c net.Conn) net.Conn {
	for {
		around, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return c
		}
		c = around.NetConn()
	}
}

func (i *idle) unlinkLocked(e *idleConn) {
	if e.older != nil {
		e.older.younger = e.younger
	} else {
		i.oldest = e.younger
	}
	if e.younger != nil {
		e.younger.older = e.older
	} else {
		i.newest = e.older
	}
	e.older, e.younger = nil, nil
}
