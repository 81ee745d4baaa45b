package proxy

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/clientip"
	"github.com/sessiongate/sessiongate/internal/spool"
	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/proxy/loopback"
	"github.com/sessiongate/sessiongate/proxy/session"
)

// Locker gives turns; stores of package lockstore do.
type Locker interface {
	Check(lockstore.Request) error
	Acquire(context.Context, lockstore.Request) (*lockstore.Turn, error)
	Waiting() int  // requests that wait now
	Sessions() int // sessions with a request that runs or waits now
}

// Parts is what a Gate is made of. All of them are required and may be shared
// with other gates; the Gate closes none of them.
type Parts struct {
	Locks    Locker
	Keys     *session.Hasher
	Loopback *loopback.Signer
	Spool    *spool.Pool
	Metrics  *Metrics
	Log      zerolog.Logger
}

// Settings are the numbers of a Gate. 0 is no limit everywhere.
type Settings struct {
	BodyIdleTimeout  time.Duration // longest time without a byte of a request body
	MinBodyRate      int64         // bytes a second, averaged, judged after RateGrace
	WriteIdleTimeout time.Duration // longest time without a byte taken by the client

	MaxStreams            int // requests over HTTP/2 at once
	MaxUploading          int // bodies being read at once
	MaxUploadingPerClient int

	MaxUpgraded          int // upgraded connections at once
	MaxUpgradedPerClient int
	UpgradedIdleTimeout  time.Duration // longest time without a byte either way

	// The bounds that Locks keeps, for what is not enforced.
	MaxWaitingPerClient int
	MaxWaitingTotal     int

	BodyMemory     int64 // bytes of one request body kept in memory
	ResponseMemory int64 // bytes of one answer kept in memory
	MaxResponse    int64 // bytes of one answer kept on disk

	// The same of all answers of one client.
	MaxMemoryPerClient, MaxDiskPerClient int64

	// LoopbackFrom are the backends whose requests run under the turn that their
	// session has, and MaxLoopbackDepth is how deep requests may call each other.
	LoopbackFrom     clientip.Networks
	MaxLoopbackDepth int

	// AbortOnLostLease cuts a run off whose lease is lost; else it carries on.
	AbortOnLostLease bool
	// LeaseTTL is for how long other gates wait for a turn without max_hold that
	// the end of this gate has cut off.
	LeaseTTL time.Duration

	AccessLog bool
	SlowWait  time.Duration // waits from here on are logged as warnings
	SlowHold  time.Duration
}

// RateGrace is how long an upload may take before its average rate counts.
const RateGrace = 30 * time.Second

// Gate is the proxy: an http.Handler that runs at most one request of a session
// at a time. Make it with New. It may be used by several servers at once.
type Gate struct {
	Parts

	setup    atomic.Pointer[setup]
	before   *setup // the one that was used before; nil: none. Use's
	uploads  *places
	upgraded *places
	open     *tracker
	callers  *callers
	nested   *lockstore.Memory // the lines of those whom the same request has called
	streams  streams
	pace     pace
	shadows  *shadows

	// Who is refused, or would be, comes often: each lets one line a second through.
	limited, shadowed, overlapped, unqueued zerolog.Logger

	runners *runners

	// runs is the context of everything detached; Close ends it.
	runs    context.Context
	endRuns context.CancelCauseFunc

	// tunnels is the context of upgraded connections; EndUpgraded ends it.
	tunnels    context.Context
	endTunnels context.CancelCauseFunc
}

// New puts a gate together, which goes by a setup at first.
func New(p Parts, s Setup) *Gate {
	g := &Gate{
		Parts:      p,
		uploads:    newPlaces(ReasonUploadsTotal, ReasonUploadsClient),
		upgraded:   newPlaces(ReasonUpgradedTotal, ReasonUpgradedClient),
		open:       new(tracker),
		callers:    newCallers(),
		nested:     lockstore.NewMemory(lockstore.Limits{}),
		limited:    p.Log.Sample(&zerolog.BurstSampler{Burst: 1, Period: time.Second}),
		shadowed:   p.Log.Sample(&zerolog.BurstSampler{Burst: 1, Period: time.Second}),
		overlapped: p.Log.Sample(&zerolog.BurstSampler{Burst: 1, Period: time.Second}),
		unqueued:   p.Log.Sample(&zerolog.BurstSampler{Burst: 1, Period: time.Second}),
		shadows:    newShadows(),
	}
	g.Use(s)
	g.runs, g.endRuns = context.WithCancelCause(context.Background())
	g.tunnels, g.endTunnels = context.WithCancelCause(g.runs)
	g.runners = newRunners(g.runs)
	return g
}

// ServeHTTP takes one request the whole way.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := g.newExchange(w, r)
	defer x.depart() // from here on whatever panics
	x.accept()
	x.restRead()
	if err := x.pass(); err != nil {
		x.refuse(err)
	}
}

// EndUpgraded closes the upgraded connections, and refuses further ones. They end
// at no time of their own, so a drain does not wait for them.
func (g *Gate) EndUpgraded() { g.endTunnels(errDraining) }

// Drain returns when nothing is under way any more: no handler, no run, no turn
// that is kept for a release delay. New requests are not refused; stop the
// servers first. It returns ctx's cause where ctx ends before.
func (g *Gate) Drain(ctx context.Context) error { return g.open.wait(ctx) }

// InFlight is the number of requests that Drain would wait for.
func (g *Gate) InFlight() int { return g.open.count() }

// Abort cuts every run that is still under way off from its upstream, and
// abandons its turn: PHP may be running on. It comes before the servers are
// closed, so that what they cut off does not look like clients that left.
func (g *Gate) Abort() { g.endRuns(errClosed) }

// Close aborts, and returns when nothing is left that the gate has started. It
// returns ctx's cause where ctx ends before.
func (g *Gate) Close(ctx context.Context) error {
	g.Abort()
	if err := g.open.wait(ctx); err != nil {
		return err
	}
	return g.runners.working.wait(ctx)
}
