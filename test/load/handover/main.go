// Command handover hands the turn of one key back and forth between two Redis
// stores, as two gates do, and prints how long each hand-over took.
//
//	handover 127.0.0.1:6379 500 [timeout]
//
// It prints one line, a JSON list of nanoseconds: from the call that releases
// the turn to the return of the Acquire that waits for it. Both stores have the
// settings of a gate by default, but for the time-out where one is given. test/load/peers/rueidislock does the same with
// another lock. It is no part of the gate.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/sessiongate/sessiongate/lockstore"
)

// warmUps come first and are not counted.
const warmUps = 50

// pause is time enough for the other side to have joined the queue.
const pause = 2 * time.Millisecond

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "handover:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 2 || len(args) > 3 {
		return errors.New("give the address of Redis, how many hand-overs to measure and, if not the default, a time-out")
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	options := lockstore.RedisOptions{Addresses: args[:1], Prefix: "handover:"}
	if len(args) == 3 {
		if options.Timeout, err = time.ParseDuration(args[2]); err != nil {
			return err
		}
	}
	var sides [2]*lockstore.Redis
	for i := range sides {
		sides[i], err = lockstore.NewRedis(options)
		if err != nil {
			return err
		}
		if err := sides[i].Start(ctx); err != nil {
			return err
		}
	}
	took, err := handOver(ctx, sides, warmUps+n)
	if err = errors.Join(err, sides[0].Close(ctx), sides[1].Close(ctx)); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(took[warmUps:])
}

// handOver has one side wait for what the other gives back, n times, in turns.
func handOver(ctx context.Context, sides [2]*lockstore.Redis, n int) ([]time.Duration, error) {
	type taken struct {
		turn *lockstore.Turn
		at   time.Time
		err  error
	}
	take := func(side int) taken {
		turn, err := sides[side].Acquire(ctx, lockstore.Request{Key: lockstore.Key{1}, NoFallback: true})
		return taken{turn, time.Now(), err}
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
		holder.turn.Release()
		holder = <-next
		took = append(took, holder.at.Sub(began))
	}
	if holder.err != nil {
		return nil, holder.err
	}
	holder.turn.Release()
	return took, nil
}
