package spool

// memoryLocked is what the pipe's chunks are charged to.
func (p *Pipe) memoryLocked() *budget {
	if p.share != nil {
		return &p.share.memory
	}
	return p.pool.shares.answers.memory
}

// holdShareLocked charges the pipe to its client from here on, and with what it
// has already. The first chunk is not worth looking for the client: most small
// answers need no other.
func (p *Pipe) holdShareLocked() {
	if p.share != nil || p.limits.Client.Key == "" {
		return
	}
	p.share = p.pool.shares.hold(p.limits.Client)
	if p.share != nil {
		p.share.memory.used.Add(p.held) // the whole has it already
	}
}

// leaveShareLocked is called wherever a side ends. When both have, and no Fill is
// under way, the pipe has no chunk any more; its file holds the share for itself.
func (p *Pipe) leaveShareLocked() {
	if p.share == nil || !p.readClosed || p.end == nil || p.filling {
		return
	}
	p.share.leave()
	p.share = nil
	p.limits.Client = Client{}
}
