package lockstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// findings is what inspection says of the servers.
type findings struct {
	refusal error  // why this gate must not work with them
	notice  string // what is doubtful
}

// inspect looks at the server's version and settings, tries every right that a
// gate needs, and compares fingerprints.
func (w *wire) inspect(ctx context.Context) (findings, error) {
	ctx, cancel := context.WithTimeout(ctx, 8*w.options.Timeout)
	defer cancel()
	about, err := w.side.Info(ctx, "server").Result()
	if err == nil {
		err = w.checkServer(about)
	} else if _, known := faultOf(err); !known && failureKind(err) == failServer {
		err = nil // a server that does not say what it is
	}
	var refusal error
	if err == nil {
		refusal, err = w.compareFingerprint(ctx)
	}
	if err == nil {
		err = w.side.Publish(ctx, w.channel(), "ping").Err()
	}
	if err == nil {
		err = w.tryInbox(ctx)
	}
	if err == nil {
		err = w.probe(ctx, Key{})
	}
	if err != nil {
		return findings{}, w.faulty(err)
	}
	return findings{refusal: refusal, notice: w.eviction(ctx)}, nil
}

// faulty says what is wrong where the server has said it.
func (w *wire) faulty(err error) error {
	if _, already := errors.AsType[*ServerError](err); already {
		return err
	}
	if kind, known := faultOf(err); known {
		return w.fault(kind, err)
	}
	return err
}

// fault is about the server that was asked; only a single one is known.
func (w *wire) fault(kind Fault, err error) *ServerError {
	e := &ServerError{Asked: string(w.options.Mode), Fault: kind, Err: err}
	switch {
	case w.cluster:
		e.Asked = string(RedisCluster)
	case w.options.Mode != RedisSentinel:
		e.Address, e.Asked = w.options.Addresses[0], string(RedisSingle)
	}
	return e
}

// checkServer compares what a server says of itself with what is needed.
func (w *wire) checkServer(about string) error {
	is := infoField(about, "redis_mode")
	switch {
	case !w.cluster && is == "cluster":
		return w.fault(FaultClusterMember, fmt.Errorf("it says redis_mode:%s", is))
	case w.cluster && w.options.DB != 0:
		return w.fault(FaultDatabase, errClusterDB)
	}
	if err := tooOld(about, w.cluster); err != nil {
		return w.fault(FaultTooOld, err)
	}
	return nil
}

var errClusterDB = errors.New("a cluster has no database but 0")

// tooOld: scripts may write after asking for the time since Redis 5, and cluster
// pub/sub from scripts is dependable since 7.
func tooOld(about string, cluster bool) error {
	version := infoField(about, "redis_version")
	least := [2]int{6, 2}
	if cluster {
		least = [2]int{7, 0}
	}
	var found [2]int
	for i, part := range strings.SplitN(version, ".", 3) {
		if i < len(found) {
			found[i], _ = strconv.Atoi(part) // what is no number is 0, and too old
		}
	}
	if found[0] > least[0] || found[0] == least[0] && found[1] >= least[1] {
		return nil
	}
	return fmt.Errorf("it is %s, at least %d.%d is needed", version, least[0], least[1])
}

// tryInbox finds out whether the gate may listen, on a channel where nobody
// counts it. In a cluster the first server that can be reached says so.
func (w *wire) tryInbox(ctx context.Context) error {
	var not string
	for {
		client, address, err := w.listener(ctx, not)
		if err != nil {
			return err
		}
		err = w.tryChannel(ctx, client)
		if address == "" || err == nil || not != "" || failureKind(err) == failServer {
			return err
		}
		not = address
	}
}

// tryChannel subscribes over a connection of its own.
func (w *wire) tryChannel(ctx context.Context, client subscriber) error {
	p := client.Subscribe(ctx, w.channel()+":probe")
	defer func() { _ = p.Close() }()
	_, err := p.ReceiveTimeout(ctx, w.options.Timeout)
	return err
}

// eviction says what is wrong with a server that may throw leases away. A server
// that does not let gates look is left alone.
func (w *wire) eviction(ctx context.Context) string {
	if w.cluster {
		return "" // CONFIG would ask one server of many
	}
	settings, err := w.side.ConfigGet(ctx, "maxmemory*").Result()
	if err != nil {
		return ""
	}
	policy := settings["maxmemory-policy"]
	if policy == "" || policy == "noeviction" || settings["maxmemory"] == "0" {
		return ""
	}
	return "Redis may evict leases when its memory is full: maxmemory-policy is " + policy + ", noeviction keeps them"
}
