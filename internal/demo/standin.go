package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/sessiongate/sessiongate/internal/config"
)

const cookieName = "PHPSESSID"

// standIn behaves as a PHP-FPM pool whose sessions nobody locks: a bounded
// number of workers take requests up in the order of arrival, and a page that
// writes its session overwrites what another wrote meanwhile.
type standIn struct {
	workers chan struct{}
	done    chan struct{} // closed when work under way must end

	mu       sync.Mutex
	sessions map[string]int // the counter of each, by session id
}

const (
	maxSessions = 10_000           // kept at once; beyond, all start anew
	maxWork     = 10 * time.Second // of one request
)

// startStandIn serves on a free port. note says why it stands in for php-fpm.
func startStandIn(ctx context.Context, workers int, note string) (*backend, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("simulated backend: %w", err)
	}
	b := &standIn{workers: make(chan struct{}, workers), done: make(chan struct{}), sessions: map[string]int{}}
	server := &http.Server{Handler: b.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	return &backend{
		name: "a simulated backend, no PHP",
		note: note,
		upstream: []config.Flag{
			setting("upstreams[0].protocol", config.ProtocolHTTP),
			setting("upstreams[0].servers[0].address", l.Addr()),
		},
		close: func() error {
			close(b.done)
			err := server.Close()
			if ended := <-ended; !errors.Is(ended, http.ErrServerClosed) {
				err = errors.Join(err, ended)
			}
			return err
		},
	}, nil
}

func (b *standIn) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/counter.php", b.worker(b.counter))
	mux.HandleFunc("/slow.php", b.worker(b.slow))
	return mux
}

// worker runs a page once one of the workers is free. As PHP does, it goes on
// when the client leaves.
func (b *standIn) worker(page http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case b.workers <- struct{}{}:
		case <-b.done:
			panic(http.ErrAbortHandler)
		}
		defer func() { <-b.workers }()
		w.Header().Set(beganHeader, fmt.Sprintf("%.6f", float64(time.Now().UnixMicro())/1e6))
		w.Header().Set("Content-Type", "text/plain")
		page(w, r)
	}
}

// counter is counter.php: reading and writing the session are apart, and
// nothing keeps another request out between them.
func (b *standIn) counter(w http.ResponseWriter, r *http.Request) {
	id := sessionID(w, r)
	n := b.read(id) + 1
	b.work(r)
	b.write(id, n)
	fmt.Fprintln(w, n)
}

func (b *standIn) slow(w http.ResponseWriter, r *http.Request) {
	b.work(r)
	fmt.Fprintln(w, "ok")
}

func (b *standIn) work(r *http.Request) {
	ms, err := strconv.Atoi(r.URL.Query().Get("ms"))
	if err != nil || ms <= 0 {
		return
	}
	timer := time.NewTimer(min(time.Duration(ms)*time.Millisecond, maxWork))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.done:
		panic(http.ErrAbortHandler)
	}
}

func (b *standIn) read(id string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sessions[id]
}

func (b *standIn) write(id string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.sessions[id]; !known && len(b.sessions) >= maxSessions {
		clear(b.sessions)
	}
	b.sessions[id] = n
}

func sessionID(w http.ResponseWriter, r *http.Request) string {
	if c, err := r.Cookie(cookieName); err == nil && c.Value != "" {
		return c.Value
	}
	c := &http.Cookie{Name: cookieName, Value: rand.Text(), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	http.SetCookie(w, c)
	return c.Value
}
