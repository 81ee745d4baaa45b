package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sessiongate/sessiongate/internal/owner"
	"github.com/sessiongate/sessiongate/proxy/balance"
)

// readyAge is how long an answer of readiness counts: load balancers ask often,
// and each dial takes a place in an upstream's accept queue for a moment.
const readyAge = time.Second

var drained = findings{reasons: []string{"draining: the gate is about to stop"}}

// readiness knows whether the gate should be sent requests.
type readiness struct {
	refused func() string // why the store is not to be used; nil: it always is

	dialing chan struct{} // has one place, taken while the upstreams are asked

	mu        sync.Mutex
	upstreams []readyUpstream // only replaced
	changes   int             // times that they were
	draining  bool
	asked     time.Time // long ago where nothing is known of the upstreams
	found     findings
}

// findings is what is wrong with the upstreams. Only the first takes the gate out of
// the balancer: it is for all that no rule sends elsewhere, and what is wrong with
// another, a WebSocket server that restarts, is so for every gate at once.
type findings struct{ reasons, asides []string }

// readyUpstream is ready when one of its servers takes connections, and the gate
// sees the files that requests need.
type readyUpstream struct {
	name    string
	root    *readyRoot // nil: requests need none
	servers *balance.Pool
	checked bool // health checks know better than a connection whether a server is well
	timeout time.Duration
}

// drain makes the gate not ready for good.
func (r *readiness) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = true
}

// Asides says what is wrong and leaves the gate ready.
func (r *readiness) Asides(ctx context.Context) []string { return r.look(ctx).asides }

// Reasons says why the gate is not ready; nothing means that it is.
func (r *readiness) Reasons(ctx context.Context) []string {
	reasons := r.look(ctx).reasons
	if r.refused == nil {
		return reasons
	}
	if why := r.refused(); why != "" {
		return append(slices.Clip(reasons), "redis: "+why) // others have the same list
	}
	return reasons
}

// look finds what is not told by others.
func (r *readiness) look(ctx context.Context) findings {
	if found, known := r.known(); known {
		return found
	}
	select {
	case r.dialing <- struct{}{}:
		defer func() { <-r.dialing }()
	case <-ctx.Done():
		return findings{reasons: []string{context.Cause(ctx).Error()}}
	}
	if found, known := r.known(); known {
		return found
	}
	upstreams, since := r.current()
	found := askAll(ctx, upstreams)
	if ctx.Err() != nil {
		return found // whoever asked has left: this is no finding
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changes == since { // else they are about others
		r.asked, r.found = time.Now(), found
	}
	if r.draining {
		return drained
	}
	return found
}

// use has it ask other upstreams.
func (r *readiness) use(upstreams []readyUpstream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.upstreams, r.asked = upstreams, time.Time{}
	r.changes++
}

func (r *readiness) current() (upstreams []readyUpstream, changes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.upstreams, r.changes
}

// known returns what was found a moment ago.
func (r *readiness) known() (findings, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return drained, true
	}
	return r.found, time.Since(r.asked) < readyAge
}

// askAll asks all upstreams at once and keeps their order.
func askAll(ctx context.Context, upstreams []readyUpstream) findings {
	var first []string
	others := make([][]string, len(upstreams))
	var all sync.WaitGroup
	for i, u := range upstreams {
		all.Go(func() {
			if i == 0 {
				first = u.reasons(ctx)
			} else {
				others[i] = u.reasons(ctx)
			}
		})
	}
	all.Wait()
	return findings{reasons: first, asides: slices.Concat(others...)}
}

func newReadiness(upstreams []readyUpstream, refused func() string) *readiness {
	return &readiness{upstreams: upstreams, refused: refused, dialing: make(chan struct{}, 1)}
}

// reasons says why the upstream cannot be used; nothing where it can.
func (u readyUpstream) reasons(ctx context.Context) []string {
	if u.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, u.timeout)
		defer cancel()
	}
	failed := u.noServer(ctx)
	if u.root != nil {
		if err := u.root.look(ctx); err != nil {
			failed = append(failed, fmt.Sprintf("upstream %s: %s", u.name, err))
		}
	}
	return failed
}

// noServer says why each server cannot be used; nothing where one can.
func (u readyUpstream) noServer(ctx context.Context) []string {
	servers := slices.DeleteFunc(u.servers.Status(), func(s balance.Status) bool { return s.Leaving })
	failed := make([]error, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() { failed[i] = u.reason(ctx, s) })
	}
	all.Wait()
	reasons := make([]string, len(failed))
	for i, err := range failed {
		if err == nil {
			return nil
		}
		reasons[i] = fmt.Sprintf("upstream %s: %s", u.name, err)
	}
	return reasons
}

// reason says why a server cannot be used; nil: it can.
func (u readyUpstream) reason(ctx context.Context, s balance.Status) error {
	if u.checked && s.Why != nil {
		return fmt.Errorf("server %s is out: %w", s.Server.Address, s.Why)
	}
	return dial(ctx, s.Server.Address)
}

func dial(ctx context.Context, address string) error {
	network, target := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, target = "unix", path
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, network, target)
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return nil // a unix socket whose queue is full: busy, not down
	case err != nil:
		return explainDial(address, err)
	}
	return c.Close()
}

// explainDial says what can be done about an upstream that cannot be reached.
func explainDial(address string, err error) error {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return explainSocket(path, err)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return fmt.Errorf("no connection to %s: %w", address, err)
}

// explainSocket names the socket's owner and mode, and the way out.
func explainSocket(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("socket %s does not exist; is PHP-FPM running, and is this its \"listen\"?", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("socket %s may not be opened by %s; %s; add that user to the socket's group, or set listen.owner, listen.group and listen.mode of the PHP-FPM pool",
			path, owner.Me(), owner.Of(path))
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("socket %s: nobody listens on it; is PHP-FPM running?", path)
	}
	return fmt.Errorf("socket %s: %w", path, err)
}
