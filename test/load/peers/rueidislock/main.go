// Command rueidislock does with two lockers of github.com/redis/rueidis/rueidislock
// what test/load/handover does with two Redis stores of the gate: it hands a
// lock back and forth between them and prints how long each hand-over took.
//
//	rueidislock 127.0.0.1:6379 500
//
// It prints one line, a JSON list of nanoseconds: from the call that gives the
// lock back to the return of the call that waits for it. The lockers are set up
// for one Redis: one key a lock in place of three, and no notices to the client
// that caused them. It has a module of its own, so that the gate's depends on
// nothing that is only compared with.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidislock"
)

// warmUps come first and are not counted.
const warmUps = 50

// pause is time enough for the other side to have joined the queue.
const pause = 2 * time.Millisecond

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "rueidislock:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("give the address of Redis and how many hand-overs to measure")
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	var sides [2]rueidislock.Locker
	for i := range sides {
		sides[i], err = rueidislock.NewLocker(rueidislock.LockerOption{
			ClientOption:   rueidis.ClientOption{InitAddress: args[:1]},
			KeyMajority:    1,
			NoLoopTracking: true,
		})
		if err != nil {
			return err
		}
		defer sides[i].Close()
	}
	took, err := handOver(ctx, sides, warmUps+n)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(took[warmUps:])
}

// handOver has one side wait for what the other gives back, n times, in turns.
func handOver(ctx context.Context, sides [2]rueidislock.Locker, n int) ([]time.Duration, error) {
	type taken struct {
		release context.CancelFunc
		at      time.Time
		err     error
	}
	take := func(side int) taken {
		_, release, err := sides[side].WithContext(ctx, "handover")
		return taken{release, time.Now(), err}
	}
	holder := take(0)
	took := make([]time.Duration, 0, n)
	for i := range n {
		if holder.err != nil {
			return nil, holder.err
		}
		next := make(chan taken, 1)
		go func() { next <- take((i + 1) % 2) }()
		time.Sleep(pause)
		began := time.Now()
		holder.release()
		holder = <-next
		took = append(took, holder.at.Sub(began))
	}
	if holder.err != nil {
		return nil, holder.err
	}
	holder.release()
	return took, nil
}
