package lockstore

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// inbox hears what other gates' calls tell this one. It subscribes again
// whenever the subscription breaks, falls silent, or turns out to be on a server
// that is not the primary any more; the gate's own pings tell.
type inbox struct {
	wire       *wire
	leases     *leases
	subscribed func()
	refused    atomic.Bool // the server does not let the gate listen

	mu      sync.Mutex
	current *redis.PubSub
	at      string // the server of a cluster that it is subscribed at
}

const (
	pingEvery = time.Second
	silence   = 3 * pingEvery // of a subscription that counts as broken
)

// run listens until ctx ends.
func (in *inbox) run(ctx context.Context) {
	for ctx.Err() == nil {
		if in.listen(ctx) {
			pause(ctx, in.wire.timing.retry)
		} else {
			pause(ctx, jitter(tryEvery))
		}
	}
}

// listen lasts as long as one subscription; it reports whether there was one.
func (in *inbox) listen(ctx context.Context) (subscribed bool) {
	p, err := in.subscribe(ctx)
	if err != nil {
		return false
	}
	unhook := context.AfterFunc(ctx, in.reset)
	defer unhook()
	defer in.reset()
	for {
		got, err := p.ReceiveTimeout(ctx, silence)
		if err != nil {
			if ctx.Err() == nil {
				in.wire.report(err)
				if kind, known := faultOf(err); known && !kind.Passes() {
					in.refused.Store(true)
				}
			}
			return subscribed
		}
		switch got := got.(type) {
		case *redis.Subscription:
			subscribed = true
			in.leases.reconnected()
			in.subscribed()
		case *redis.Message:
			in.hear(got.Payload)
		}
	}
}

// subscribe begins a subscription; in a cluster at another server than the last.
func (in *inbox) subscribe(ctx context.Context) (*redis.PubSub, error) {
	client, address, err := in.wire.listener(ctx, in.where())
	if err != nil {
		return nil, err
	}
	p := client.Subscribe(ctx, in.wire.channel())
	in.mu.Lock()
	defer in.mu.Unlock()
	in.current, in.at = p, address
	return p, nil
}

func (in *inbox) where() string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.at
}

// reset ends the current subscription; the next begins at once.
func (in *inbox) reset() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.current != nil {
		_ = in.current.Close()
		in.current = nil
	}
}

// ping sends a message to this gate. Nobody heard it: the subscription is on
// another server than the calls. In a cluster that is so on purpose: a message
// that comes from elsewhere says that all others do.
func (in *inbox) ping(ctx context.Context) error {
	heard, err := in.publish(ctx)
	if err != nil && in.wire.cluster && ctx.Err() == nil {
		heard, err = in.publish(ctx) // at the next server
	}
	if err == nil && heard == 0 && !in.wire.cluster {
		in.reset()
	}
	return err
}

func (in *inbox) publish(ctx context.Context) (heard int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, in.wire.options.Timeout)
	defer cancel()
	client, _, err := in.wire.listener(ctx, in.where())
	if err != nil {
		return 0, err
	}
	return client.Publish(ctx, in.wire.channel(), "ping").Result()
}

// hear takes in a message. What cannot be read is ignored. A grant is believed:
// who may publish to the gates' channels can do as much as who may write their
// keys.
func (in *inbox) hear(payload string) {
	words := strings.Fields(payload)
	switch {
	case len(words) == 3 && words[0] == "want":
		key, numbers, err := readMessage(words[1:])
		if err == nil {
			in.leases.wanted(key, numbers[0])
		}
	case len(words) == 2 && words[0] == "outdated":
		if key, _, err := readMessage(words[1:]); err == nil {
			in.leases.outdated(key)
		}
	case len(words) == 7 && words[0] == "grant":
		key, numbers, err := readMessage(words[1:])
		if err == nil {
			in.leases.granted(grant{
				key: key, conversation: numbers[0], token: numbers[1],
				expiry: int64(numbers[2]), waiting: int(numbers[3]), ranOut: numbers[4] != 0,
			})
		}
	}
}

var errMessage = errors.New("lockstore: message not understood")

// readMessage reads a session's name and the numbers behind it.
func readMessage(words []string) (k Key, numbers []uint64, err error) {
	if len(words[0]) != hex.EncodedLen(len(k)) {
		return k, nil, errMessage
	}
	if _, err := hex.Decode(k[:], []byte(words[0])); err != nil {
		return k, nil, errMessage
	}
	for _, word := range words[1:] {
		n, err := strconv.ParseUint(word, 10, 53) // what a script can count to
		if err != nil {
			return k, nil, errMessage
		}
		numbers = append(numbers, n)
	}
	return k, numbers, nil
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
