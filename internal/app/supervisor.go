package app

import (
	"fmt"
	"time"
)

// Supervisor is told how far the gate is: systemd, say. Status is a line for people.
// An error is logged, and changes nothing else.
type Supervisor interface {
	// Ready says that the gate serves, or that a reload has ended, whatever came of it.
	Ready(status string) error
	Reloading() error
	// Stopping says that the gate ends within a time from now; 0: it has no bound.
	// It is said again when there is a better bound.
	Stopping(status string, within time.Duration) error
}

// Supervise has s told of the start, of reloads and of the end. It is for before
// Start.
//
// The gate is ready for its supervisor when it listens, whether or not an upstream
// can be reached: whoever waits for this start can do nothing about that, and a
// start that waited for PHP-FPM would be given up. Load balancers ask readiness.
func (a *App) Supervise(s Supervisor) { a.supervisor = s }

// endMargin is how long the end may take beside the drain: see Close, which waits
// for closeTimeout, and as long for Redis.
const endMargin = 10 * time.Second

// told logs what kept the supervisor from being told.
func (a *App) told(err error) {
	if err != nil {
		a.log.Warn().Err(err).Msg("the service manager cannot be told")
	}
}

func (a *App) tellReady(more string) {
	if a.supervisor != nil {
		a.told(a.supervisor.Ready(fmt.Sprintf("serving on %s, admin on %s%s", a.publicAt.Addr(), a.adminAt.Addr(), more)))
	}
}

func (a *App) tellReloading() {
	if a.supervisor != nil {
		a.told(a.supervisor.Reloading())
	}
}

// tellTaken ends what tellReloading began.
func (a *App) tellTaken(c *change) {
	more := "; configuration read again at " + clock()
	if n := len(c.restart); n > 0 {
		more += fmt.Sprintf(", keys that need a restart: %d", n)
	}
	a.tellReady(more)
}

// tellRefused ends what tellReloading began.
func (a *App) tellRefused(err error) {
	mistakes := mistakesOf(err)
	more := fmt.Sprintf("; configuration of %s cannot be used, the one before stays: %s", clock(), mistakes[0])
	if n := len(mistakes); n > 1 {
		more += fmt.Sprintf(" (and %d more)", n-1)
	}
	a.tellReady(more)
}

func clock() string { return time.Now().Format(time.TimeOnly) }

// tellStopping says that the gate ends: after drain_delay, and then drain_timeout.
func (a *App) tellStopping(status string, delay, timeout time.Duration) {
	if a.supervisor == nil {
		return
	}
	var within time.Duration
	if timeout > 0 {
		within = delay + timeout + endMargin
	}
	a.told(a.supervisor.Stopping(status, within))
}
