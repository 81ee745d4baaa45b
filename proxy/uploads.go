package proxy

import "sync"

// uploads counts the request bodies that are being read, in total and by
// client, and keeps both within bounds. 0 is no limit.
type uploads struct {
	maxTotal, maxClient int

	mu       sync.Mutex
	total    int
	byClient map[string]int
}

func newUploads(maxTotal, maxClient int) *uploads {
	return &uploads{maxTotal: maxTotal, maxClient: maxClient, byClient: make(map[string]int)}
}

// begin takes a place, or says why there is none. A client "" is counted in
// total only.
func (u *uploads) begin(client string) (Reason, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.maxTotal > 0 && u.total >= u.maxTotal:
		return ReasonUploadsTotal, false
	case client != "" && u.maxClient > 0 && u.byClient[client] >= u.maxClient:
		return ReasonUploadsClient, false
	}
	u.total++
	if client != "" {
		u.byClient[client]++
	}
	return "", true
}

// end gives the place back.
func (u *uploads) end(client string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.total--
	if client == "" {
		return
	}
	if u.byClient[client]--; u.byClient[client] == 0 {
		delete(u.byClient, client)
	}
}

func (u *uploads) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.total
}
