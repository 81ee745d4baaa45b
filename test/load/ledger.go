package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/sessiongate/sessiongate/proxy"
)

// ledger is a backend that keeps a counter for each session and books what it
// sees of the requests that count on it. A request reads the counter, works,
// and writes it back one higher, locked by nobody: what keeps two of them apart
// is the gates alone. Like PHP it goes on when its client has gone.
//
// Query: ms is the work; until is the name of a latch that the work waits for
// instead; id names the request in the book.
type ledger struct {
	address string

	mu       sync.Mutex
	sessions map[string]*account
	latches  map[string]chan struct{}
	began    map[string]time.Time // by id
}

// account is the book of one session.
type account struct {
	value, runs, running int
	overlaps             int // runs that began while another was under way
	fence                uint64
	stale, unfenced      int // runs whose fence is not above all earlier ones, or that have none
}

// startLedger serves on a free port.
func (s *stand) startLedger(ctx context.Context) (*ledger, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &ledger{
		address:  listener.Addr().String(),
		sessions: map[string]*account{}, latches: map[string]chan struct{}{}, began: map[string]time.Time{},
	}
	server := &http.Server{Handler: l, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends with Close
	}()
	s.atEnd(func() {
		l.openAll()
		_ = server.Close()
		<-served
	})
	return l, nil
}

func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	session := ""
	if c, err := r.Cookie("PHPSESSID"); err == nil {
		session = c.Value
	}
	fence, _ := strconv.ParseUint(r.Header.Get(proxy.FenceHeader), 10, 64) // 0: it has no turn
	query := r.URL.Query()
	read := l.begin(session, fence, query.Get("id"))
	l.work(query)
	l.end(session, read+1)
	fmt.Fprint(w, read+1)
}

func (l *ledger) work(query url.Values) {
	if name := query.Get("until"); name != "" {
		<-l.latch(name)
	}
	if ms, err := strconv.Atoi(query.Get("ms")); err == nil {
		time.Sleep(time.Duration(ms) * time.Millisecond)
	}
}

// begin books the beginning of a run and reads the counter.
func (l *ledger) begin(session string, fence uint64, id string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.sessions[session]
	if a == nil {
		a = &account{}
		l.sessions[session] = a
	}
	if a.running > 0 {
		a.overlaps++
	}
	switch {
	case fence == 0:
		a.unfenced++
	case fence <= a.fence:
		a.stale++
	}
	a.fence = max(a.fence, fence)
	a.running++
	a.runs++
	if id != "" {
		l.began[id] = time.Now()
	}
	return a.value
}

func (l *ledger) end(session string, write int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.sessions[session]
	a.value = write
	a.running--
}

// latch is open once it is closed by open.
func (l *ledger) latch(name string) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.latches[name] == nil {
		l.latches[name] = make(chan struct{})
	}
	return l.latches[name]
}

// open lets every request go on that waits for the latch or will.
func (l *ledger) open(name string) {
	latch := l.latch(name)
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-latch:
	default:
		close(latch)
	}
}

func (l *ledger) openAll() {
	l.mu.Lock()
	var names []string
	for name := range l.latches {
		names = append(names, name)
	}
	l.mu.Unlock()
	for _, name := range names {
		l.open(name)
	}
}

// awaitBegun waits until a request has begun and says when it did.
func (l *ledger) awaitBegun(ctx context.Context, id string) (time.Time, error) {
	var at time.Time
	err := until(ctx, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		at = l.began[id]
		return !at.IsZero()
	})
	if err != nil {
		err = fmt.Errorf("request %q does not begin: %w", id, err)
	}
	return at, err
}

// audit adds up the books of all sessions, when nothing runs any more.
func (l *ledger) audit(ctx context.Context) (total account, err error) {
	err = until(ctx, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		total = account{}
		for _, a := range l.sessions {
			total.value += a.value
			total.runs += a.runs
			total.running += a.running
			total.overlaps += a.overlaps
			total.stale += a.stale
			total.unfenced += a.unfenced
		}
		return total.running == 0
	})
	return total, err
}

// idle waits until no request of a session runs.
func (l *ledger) idle(ctx context.Context, session string) error {
	err := until(ctx, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		a := l.sessions[session]
		return a == nil || a.running == 0
	})
	if err != nil {
		err = fmt.Errorf("requests do not end: %w", err)
	}
	return err
}
