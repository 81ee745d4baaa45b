package listener

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// newGrace is how long a client that has just connected has to send the header of
// its first request before its connection may give way: a burst of requests on new
// connections is not turned into errors, and behind a proxy, where all clients have
// one address, nobody is cut off in the TLS handshake.
const newGrace = time.Second

// idle is the connections on which no request is under way: those between two
// requests, and those whose first request has not come, or not wholly. It closes
// one when there is need of room.
//
// A connection is closed under the mutex that its next request has to pass: so a
// request is either not touched, or it is known to have come too late.
type idle struct {
	grace time.Duration // newGrace; less in tests

	mu          sync.Mutex
	connections map[net.Conn]*idleConn
	between     connList // two requests, idle for longest first
	newcomers   newcomers
	wanted      bool // somebody waits for room: the next one to come is closed
}

type idleConn struct {
	conn           net.Conn
	older, younger *idleConn
	since          time.Time  // of a newcomer
	client         *newClient // of a newcomer; nil: it is between two requests
	shed           bool       // closed, and no longer in a list
}

func newIdle() idle {
	return idle{grace: newGrace, connections: make(map[net.Conn]*idleConn), newcomers: newNewcomers()}
}

// begin notes a connection that has just come.
func (i *idle) begin(c net.Conn) {
	client, now := clientOf(c), time.Now()
	i.mu.Lock()
	defer i.mu.Unlock()
	e := &idleConn{conn: c, since: now}
	i.connections[c] = e
	i.newcomers.add(client, e)
}

// add notes that a connection is idle. Where somebody waits for room it is
// closed at once.
func (i *idle) add(c net.Conn) (shed bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.connections[c] != nil {
		return false // a server does not say so twice; the list must not have it twice either
	}
	e := &idleConn{conn: c}
	i.connections[c] = e
	i.between.push(e)
	if !i.wanted {
		return false
	}
	i.wanted = false
	i.shedLocked(e)
	return true
}

// remove notes that a request is under way, or that the connection has ended; shed
// says that it was closed before.
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

// makeRoom closes the connection that has been idle for longest, or else the oldest
// one of the client with the most newcomers. Where there is none, or that one is
// too young, the next one to be idle is closed, until enough is called; after is
// when to call stillWanted, 0: never.
func (i *idle) makeRoom() (shed *Shed, after time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.makeRoomLocked()
}

// stillWanted is makeRoom, unless it has happened meanwhile.
func (i *idle) stillWanted() (shed *Shed, after time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.wanted {
		return nil, 0
	}
	i.wanted = false
	return i.makeRoomLocked()
}

func (i *idle) makeRoomLocked() (shed *Shed, after time.Duration) {
	if e := i.between.oldest; e != nil {
		i.shedLocked(e)
		return &Shed{State: http.StateIdle}, 0
	}
	e := i.newcomers.first()
	if e != nil {
		after = i.grace - time.Since(e.since)
	}
	if e == nil || after > 0 {
		i.wanted = true
		return nil, after
	}
	shed = &Shed{State: http.StateNew, Client: e.client.name, Of: e.client.connections.n}
	i.shedLocked(e)
	return shed, 0
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

func (i *idle) unlinkLocked(e *idleConn) {
	if e.client != nil {
		i.newcomers.remove(e)
		return
	}
	i.between.unlink(e)
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
