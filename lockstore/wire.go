package lockstore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// wire is the transport over go-redis. It has three clients, for waiters must
// never use up the connections that a holder needs to let go: one acquires, one
// releases and renews, one listens and looks after the server.
type wire struct {
	options RedisOptions
	timing  timing
	cluster bool
	gate    string // the id of this gate, new at every start

	acquiring, releasing *lane
	side                 redis.UniversalClient
	roster               *roster // of side, where that is a cluster's; else nil

	turnScript, renewScript script
	constant                [3]any // the arguments of turn.lua that never change

	mapped atomic.Bool // the cluster's slots are known: looking one up asks nobody
}

func newWire(o RedisOptions, t timing, cluster bool) *wire {
	w := &wire{
		options:     o,
		timing:      t,
		cluster:     cluster,
		gate:        strconv.FormatUint(rand.Uint64(), 16), // has to be rare, not secret
		side:        o.client(4, cluster),
		turnScript:  newScript(turnSource),
		renewScript: newScript(renewSource),
	}
	if of, ok := w.side.(*redis.ClusterClient); ok {
		w.roster = &roster{cluster: of}
	}
	w.acquiring = newLane(o.client(o.PoolSize, cluster), o.PoolSize, o.Timeout, o.Events.Failed)
	w.releasing = newLane(o.client(o.PoolSize, cluster), o.PoolSize, o.Timeout, o.Events.Failed)
	heard := 1
	if cluster {
		heard = 0
	}
	w.constant = [3]any{
		t.ttl.Microseconds(),
		t.keep().Milliseconds(),
		fmt.Sprint(t.confirm.Microseconds(), t.alive().Microseconds(), heard) + " " + o.Prefix + "gate:",
	}
	return w
}

// channel is where this gate hears of grants and wants.
func (w *wire) channel() string { return w.options.Prefix + "gate:" + w.gate }

// listener is a client for the gate's channel, and the address that it speaks to
// in a cluster: there any server will do, not that one where there are others.
func (w *wire) listener(ctx context.Context, not string) (client subscriber, address string, err error) {
	if w.roster == nil {
		return w.side, "", nil
	}
	server, err := w.roster.next(ctx, not)
	if err != nil {
		return nil, "", err
	}
	return server, server.Options().Addr, nil
}

// subscriber is what a client does with channels.
type subscriber interface {
	Subscribe(ctx context.Context, channels ...string) *redis.PubSub
	Publish(ctx context.Context, channel string, message any) *redis.IntCmd
}

// session is the key of a session. The hash tag lets other keys share its place
// in a cluster.
func (w *wire) session(k Key) string { return w.options.Prefix + "{" + hex.EncodeToString(k[:]) + "}" }

func (w *wire) turn(c turnCall, done func(turnReply, error)) {
	args := make([]any, 0, 9)
	args = append(args, w.gate, c.over, c.spent, c.ask, c.arrival)
	args = append(args, w.constant[:]...)
	if c.outdates {
		args = append(args, 1)
	}
	lane := w.acquiring
	if c.over > 0 {
		lane = w.releasing
	}
	lane.send(c.node, job{
		script: w.turnScript, key: w.session(c.key), args: args, sent: c.sent,
		done: func(cmd *redis.Cmd, err error) error {
			var r turnReply
			if err == nil {
				r, err = readTurn(cmd)
			}
			done(r, err)
			return err
		},
	})
}

func (w *wire) renew(c renewCall, done func(renewReply, error)) {
	w.releasing.send(c.node, job{
		script: w.renewScript, key: w.session(c.key), sent: c.sent,
		args: []any{w.gate, c.conversation, c.token, c.spent, c.ttl.Microseconds(), max(w.timing.keep(), c.ttl).Milliseconds()},
		done: func(cmd *redis.Cmd, err error) error {
			var r renewReply
			if err == nil {
				r, err = readRenew(cmd)
			}
			done(r, err)
			return err
		},
	})
}

// node is the address of the primary that has a key's slot, as far as the
// client knows; there is only one outside of a cluster.
func (w *wire) node(k Key) string {
	cluster, ok := w.side.(*redis.ClusterClient)
	if !ok || !w.mapped.Load() {
		return ""
	}
	// What stands in the key's braces says the same as the key, for less.
	at, err := cluster.MasterForKey(context.Background(), hex.EncodeToString(k[:]))
	if err != nil {
		return ""
	}
	return at.Options().Addr
}

// probe tries whether the server of a key takes writes. Each client finds out
// by itself which server that is, so each is tried.
func (w *wire) probe(ctx context.Context, k Key) error {
	for _, client := range [...]redis.UniversalClient{w.side, w.acquiring.client, w.releasing.client} {
		if err := w.write(ctx, client, k); err != nil {
			return err
		}
	}
	return nil
}

func (w *wire) write(ctx context.Context, client redis.UniversalClient, k Key) error {
	ctx, cancel := context.WithTimeout(ctx, w.options.Timeout)
	defer cancel()
	if cluster, ok := client.(*redis.ClusterClient); ok {
		cluster.ReloadState(ctx)
		// The servers are known even where this key's cannot be reached.
		if _, err := cluster.MasterForKey(ctx, w.session(k)); err == nil && client == w.side {
			w.mapped.Store(true)
		}
	}
	probe := w.session(k) + ":probe"
	const spent = 1 // who has spent nothing leaves nothing behind, of a session that nobody knows
	return client.Eval(ctx, w.turnScript.source, []string{probe}, w.gate, 0, spent, 0, 0, 0, probeKept.Milliseconds(), w.constant[2]).Err()
}

// probeKept is how long Redis knows the key that probe writes.
const probeKept = time.Second

// report counts a failure that is no script's.
func (w *wire) report(err error) {
	if w.options.Events.Failed != nil {
		w.options.Events.Failed(failureKind(err), err)
	}
}

// sweep forgets servers that nothing is sent to.
func (w *wire) sweep() {
	w.acquiring.sweep()
	w.releasing.sweep()
}

// drain returns when everything that was sent is answered.
func (w *wire) drain(ctx context.Context) error {
	return errors.Join(w.acquiring.drain(ctx), w.releasing.drain(ctx))
}

// close ends every connection, and the workers within ctx.
func (w *wire) close(ctx context.Context) error {
	err := w.side.Close()
	if errors.Is(err, redis.ErrClosed) {
		err = nil // closed before
	}
	return errors.Join(w.acquiring.close(ctx), w.releasing.close(ctx), err)
}
