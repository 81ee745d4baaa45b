package lockstore

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// lane sends script calls over a pool of connections of its own. What comes
// while a connection is busy goes together in the next pipeline, so that a
// Redis under load reads many calls at once. A cluster's servers do not wait
// for each other.
type lane struct {
	client  redis.UniversalClient
	width   int // pipelines under way at once to one server
	timeout time.Duration
	failed  func(kind string, err error)

	closing chan struct{}
	workers crew

	mu      sync.Mutex
	servers map[string]*backlog
	active  int           // workers that have something to do
	rest    chan struct{} // closed when active falls to 0; nil: nobody waits
	closed  bool
}

// backlog is what waits for a connection to one server, and who sends it.
// Workers stay: a new goroutine would have to grow its stack for every call.
type backlog struct {
	jobs     []job
	active   int
	sleeping int
	wake     chan struct{} // has room for every worker
	used     bool          // since the last sweep
	gone     chan struct{} // closed by the sweep that found it unused
}

// job is one call of a script.
type job struct {
	script script
	key    string
	args   []any
	sent   time.Time
	done   func(*redis.Cmd, error) error // returns the error, also one of reading the answer
}

const (
	// maxBatch bounds a pipeline, whose first answer waits for its last.
	maxBatch = 128
	// perPipeline is how many jobs have to wait for another pipeline to be sent
	// beside those under way: Redis reads many calls at the price of one.
	perPipeline = 4
)

func newLane(client redis.UniversalClient, width int, timeout time.Duration, failed func(string, error)) *lane {
	return &lane{
		client: client, width: width, timeout: timeout, failed: failed,
		closing: make(chan struct{}), servers: make(map[string]*backlog),
	}
}

// send takes a job; it does not block. A closed lane drops it.
func (l *lane) send(server string, j job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	b := l.servers[server]
	if b == nil {
		b = &backlog{wake: make(chan struct{}, l.width), gone: make(chan struct{})}
		l.servers[server] = b
	}
	b.used = true
	b.jobs = append(b.jobs, j)
	if b.active > 0 && (b.active == l.width || len(b.jobs) <= perPipeline*b.active) {
		return // goes with the next pipeline
	}
	b.active++
	l.active++
	if b.sleeping > 0 {
		b.sleeping--
		b.wake <- struct{}{}
		return
	}
	l.workers.run("calls to Redis", func() { l.work(b) })
}

// work sends what is there, and sleeps while nothing is.
func (l *lane) work(b *backlog) {
	for {
		batch := l.take(b)
		if len(batch) > 0 {
			l.run(batch)
			continue
		}
		select {
		case <-b.wake:
		case <-b.gone:
			return
		case <-l.closing:
			return
		}
	}
}

// sweep ends the workers of servers that were sent nothing since the last sweep:
// those that left a cluster would keep theirs for ever.
func (l *lane) sweep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for server, b := range l.servers {
		if !b.used && b.active == 0 {
			delete(l.servers, server)
			close(b.gone)
		}
		b.used = false
	}
}

// take returns the next batch; with none, the worker counts as sleeping.
func (l *lane) take(b *backlog) []job {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(b.jobs) > 0 {
		n := min(len(b.jobs), maxBatch)
		batch := b.jobs[:n:n]
		b.jobs = b.jobs[n:]
		return batch
	}
	b.jobs = nil
	b.active--
	b.sleeping++
	l.active--
	if l.active == 0 && l.rest != nil {
		close(l.rest)
		l.rest = nil
	}
	return nil
}

// run sends a batch and passes the answers on. A job that has waited for longer
// than a call may take is not sent any more: its caller has to ask again.
func (l *lane) run(batch []job) {
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	defer cancel()
	fresh := batch[:0]
	for _, j := range batch {
		if time.Since(j.sent) >= l.timeout {
			l.answer(j, nil, errQueued)
			continue
		}
		fresh = append(fresh, j)
	}
	if len(fresh) == 0 {
		return
	}
	cmds := l.exec(ctx, fresh, func(p redis.Pipeliner, j job) *redis.Cmd {
		return p.EvalSha(ctx, j.script.sha, []string{j.key}, j.args...)
	})
	unknown := fresh[:0]
	for i, j := range fresh {
		if redis.HasErrorPrefix(cmds[i].Err(), "NOSCRIPT") {
			unknown = append(unknown, j)
			continue
		}
		l.answer(j, cmds[i], cmds[i].Err())
	}
	if len(unknown) == 0 {
		return
	}
	cmds = l.exec(ctx, unknown, func(p redis.Pipeliner, j job) *redis.Cmd {
		return p.Eval(ctx, j.script.source, []string{j.key}, j.args...)
	})
	for i, j := range unknown {
		l.answer(j, cmds[i], cmds[i].Err())
	}
}

func (l *lane) exec(ctx context.Context, batch []job, call func(redis.Pipeliner, job) *redis.Cmd) []*redis.Cmd {
	p := l.client.Pipeline()
	cmds := make([]*redis.Cmd, len(batch))
	for i, j := range batch {
		cmds[i] = call(p, j)
	}
	// Each command has its own error, but for one reply: that of a log-in which
	// the server has refused is given to none.
	if _, err := p.Exec(ctx); err != nil {
		for _, cmd := range cmds {
			if cmd.Err() == nil && cmd.Val() == nil {
				cmd.SetErr(err)
			}
		}
	}
	return cmds
}

// errQueued: no connection was free for as long as a call may take.
var errQueued = errors.New("lockstore: no connection to Redis was free in time")

func (l *lane) answer(j job, cmd *redis.Cmd, err error) {
	if err != nil {
		l.relearn()
	}
	if err = j.done(cmd, err); err != nil && l.failed != nil {
		l.failed(failureKind(err), err)
	}
}

// relearn has a cluster's client ask who has what now. By itself it does so when
// a server sends it on, which one that has died does not.
func (l *lane) relearn() {
	if cluster, ok := l.client.(*redis.ClusterClient); ok {
		cluster.ReloadState(context.Background())
	}
}

// drain returns when nothing is under way.
func (l *lane) drain(ctx context.Context) error {
	l.mu.Lock()
	if l.active == 0 {
		l.mu.Unlock()
		return nil
	}
	if l.rest == nil {
		l.rest = make(chan struct{})
	}
	rest := l.rest
	l.mu.Unlock()
	select {
	case <-rest:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// close ends the workers and their connections; what is under way is cut off. To
// close it again waits for workers that were left.
func (l *lane) close(ctx context.Context) error {
	l.mu.Lock()
	already := l.closed
	l.closed = true
	l.mu.Unlock()
	var err error
	if !already {
		close(l.closing)
		err = l.client.Close()
	}
	return errors.Join(err, l.workers.wait(ctx))
}

// Kinds of failures, for Events.Failed.
const (
	failTimeout    = "timeout"    // no answer in time
	failConnection = "connection" // none could be made, or it broke
	failServer     = "server"     // an error reply: loading, read-only, out of memory, no permission
	failReply      = "reply"      // an answer that cannot be
)

// FailureKinds lists the kinds of Events.Failed.
func FailureKinds() []string {
	return []string{failTimeout, failConnection, failServer, failReply}
}

func failureKind(err error) string {
	var reply redis.Error
	var network net.Error
	switch {
	case errors.Is(err, errReply):
		return failReply
	case errors.Is(err, errQueued), errors.Is(err, context.DeadlineExceeded), errors.Is(err, redis.ErrPoolTimeout):
		return failTimeout
	case errors.As(err, &reply):
		return failServer
	case errors.As(err, &network) && network.Timeout():
		return failTimeout
	}
	return failConnection
}
