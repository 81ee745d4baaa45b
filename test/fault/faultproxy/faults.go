package faultproxy

import (
	"errors"
	"time"
)

// Causes with which a link ends before its time.
var (
	errCut   = errors.New("cut")
	errSpent = errors.New("cut after so many bytes")
)

// Cut resets every open connection, towards the client and towards the server,
// and returns when it is done. New ones are taken. A connection that the proxy
// has not noticed yet counts as new; once an answer came through it has.
func (p *Proxy) Cut() {
	for _, k := range p.cutAll(errCut) {
		<-k.ended
	}
}

func (p *Proxy) cutAll(cause error) []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*link
	for k := range p.links {
		k.cut(cause)
		all = append(all, k)
	}
	return all
}

// CutAfter lets n more bytes pass to the server, counted over all connections,
// and then cuts them all, once. The server gets these n bytes, and then the end
// of the connection instead of a reset, which could overtake them. New
// connections are taken.
func (p *Proxy) CutAfter(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budget = max(n, 0)
}

// spend says how many of n bytes may pass to the server, and whether the
// connections are to be cut then.
func (p *Proxy) spend(n int) (pass int, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.budget < 0:
		return n, false
	case p.budget > n:
		p.budget -= n
		return n, false
	default:
		pass = p.budget
		p.budget = -1
		return pass, true
	}
}

// Freeze lets no byte pass, either way, nor the end of a connection: each side
// finds the other silent, and what it sends is taken and kept. New connections
// are taken, and get no answer.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.thawed:
		p.thawed = make(chan struct{})
	default: // it is frozen already
	}
}

// Thaw ends Freeze; what was kept is delivered.
func (p *Proxy) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.thawed:
	default:
		close(p.thawed)
	}
}

// melted is closed while the proxy is not frozen.
func (p *Proxy) melted() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.thawed
}

// DropReplies throws away what the server sends: commands go through and are
// carried out, and nobody hears of it. A connection that has lost a reply is
// out of step when replies pass again, so Cut usually comes before PassReplies.
func (p *Proxy) DropReplies() { p.setDropping(true) }

// PassReplies ends DropReplies.
func (p *Proxy) PassReplies() { p.setDropping(false) }

func (p *Proxy) setDropping(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropping = on
}

func (p *Proxy) drops() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dropping
}

// Delay has every byte arrive d later, each way; 0 ends it. Bytes that were
// taken before keep the delay that they were taken with.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// due is when something that has been read now is to arrive; zero for at once.
func (p *Proxy) due() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.delay <= 0 {
		return time.Time{}
	}
	return time.Now().Add(p.delay)
}
