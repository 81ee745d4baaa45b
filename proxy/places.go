package proxy

import "sync"

// places counts what clients have open of one kind (bodies that are being read,
// upgraded connections), in total and by client, and keeps both within bounds.
// 0 is no limit.
type places struct {
	totalFull, clientFull Reason // for what is beyond a bound

	mu                  sync.Mutex
	maxTotal, maxClient int
	total               int
	byClient            map[string]int
}

func newPlaces(totalFull, clientFull Reason) *places {
	return &places{totalFull: totalFull, clientFull: clientFull, byClient: make(map[string]int)}
}

// bound sets the bounds for those who come from now on.
func (p *places) bound(maxTotal, maxClient int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.maxTotal, p.maxClient = maxTotal, maxClient
}

// begin takes a place, or says why there is none. A client "" is counted in
// total only.
func (p *places) begin(client string) (Reason, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.maxTotal > 0 && p.total >= p.maxTotal:
		return p.totalFull, false
	case client != "" && p.maxClient > 0 && p.byClient[client] >= p.maxClient:
		return p.clientFull, false
	}
	p.total++
	if client != "" {
		p.byClient[client]++
	}
	return "", true
}

// end gives the place back.
func (p *places) end(client string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total--
	if client == "" {
		return
	}
	if p.byClient[client]--; p.byClient[client] == 0 {
		delete(p.byClient, client)
	}
}

func (p *places) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}
