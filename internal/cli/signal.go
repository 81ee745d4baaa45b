package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// hangups gives a value when SIGHUP has come: one for any number that nobody has
// taken yet. Who takes it and then reads what has changed misses nothing. It is
// never stopped: with the default back, one more would end the process while it
// drains.
func hangups() <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c
}

// untilSignal is a context that ends with the first SIGINT or SIGTERM, or with
// stop. The default is back before it ends: a second signal ends the process at
// once, also where it comes in the moment in which the first one shows.
func untilSignal() (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
		case <-ctx.Done():
		}
		signal.Stop(signals)
		stop()
	}()
	return ctx, stop
}

// survivePipes turns a closed output (demo | head, a log whose reader has gone) from
// a sudden death into an error of the write, so that the gate goes on, and whatever
// ends is still cleaned up. The signal itself says nothing: with Notify it comes for
// any connection that broke.
func survivePipes() (stop func()) {
	unread := make(chan os.Signal, 1)
	signal.Notify(unread, syscall.SIGPIPE)
	return func() { signal.Stop(unread) }
}
