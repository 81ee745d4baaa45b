package listener

import (
	"container/list"
	"net"

	"github.com/sessiongate/sessiongate/internal/clientip"
)

// newcomers are the connections that have not sent the whole header of a request
// yet, by client. The first to give way is the oldest of the client that has the
// most: a crowd of one address cuts itself off, and nobody else. Everything takes
// the same time however many there are. It is guarded by its idle's mutex.
//
// The client is the peer: what a PROXY header says is not known before it has
// come.
type newcomers struct {
	clients map[string]*newClient
	having  map[int]*list.List // clients by how many they have; longest so first
	most    int
}

type newClient struct {
	name        string // as of clientip; "" has no address
	connections connList
	place       *list.Element // in having
}

func newNewcomers() newcomers {
	return newcomers{clients: make(map[string]*newClient), having: make(map[int]*list.List)}
}

func (n *newcomers) add(client string, e *idleConn) {
	c := n.clients[client]
	if c == nil {
		c = &newClient{name: client}
		n.clients[client] = c
	}
	e.client = c
	n.leave(c)
	c.connections.push(e)
	n.enter(c)
}

func (n *newcomers) remove(e *idleConn) {
	c := e.client
	n.leave(c)
	c.connections.unlink(e)
	n.enter(c)
	if c.connections.n == 0 {
		delete(n.clients, c.name)
	}
}

// first is who gives way first; nil: there is none.
func (n *newcomers) first() *idleConn {
	if n.most == 0 {
		return nil
	}
	return n.having[n.most].Front().Value.(*newClient).connections.oldest
}

// leave takes the client from those who have as many, before its number changes
// by one; enter puts it back after that. So most moves by one at most.
func (n *newcomers) leave(c *newClient) {
	if c.place == nil {
		return
	}
	peers := n.having[c.connections.n]
	peers.Remove(c.place)
	c.place = nil
	if peers.Len() > 0 {
		return
	}
	delete(n.having, c.connections.n)
	if n.most == c.connections.n {
		n.most--
	}
}

func (n *newcomers) enter(c *newClient) {
	count := c.connections.n
	if count == 0 {
		return
	}
	peers := n.having[count]
	if peers == nil {
		peers = list.New()
		n.having[count] = peers
	}
	c.place = peers.PushBack(c)
	n.most = max(n.most, count)
}

// clientOf never waits for the peer to send something.
func clientOf(c net.Conn) string {
	peer, ok := Socket(c).RemoteAddr().(*net.TCPAddr)
	if !ok {
		return ""
	}
	return clientip.Client{Addr: peer.AddrPort().Addr().Unmap().WithZone("")}.Key()
}

// connList is connections, oldest first.
type connList struct {
	oldest, newest *idleConn
	n              int
}

func (l *connList) push(e *idleConn) {
	e.older = l.newest
	if l.newest != nil {
		l.newest.younger = e
	} else {
		l.oldest = e
	}
	l.newest = e
	l.n++
}

func (l *connList) unlink(e *idleConn) {
	if e.older != nil {
		e.older.younger = e.younger
	} else {
		l.oldest = e.younger
	}
	if e.younger != nil {
		e.younger.older = e.older
	} else {
		l.newest = e.older
	}
	e.older, e.younger = nil, nil
	l.n--
}
