package lockstore

import (
	"context"
	"crypto/tls"
	"errors"
	"time"
)

// RedisMode says what kind of Redis the addresses are of.
type RedisMode string

const (
	RedisAuto     RedisMode = "auto" // sentinel where there is a MasterName, cluster where the server says so, else single
	RedisSingle   RedisMode = "single"
	RedisSentinel RedisMode = "sentinel"
	RedisCluster  RedisMode = "cluster"
)

// RedisOptions are the settings of a Redis store. Addresses and Prefix must be said.
type RedisOptions struct {
	Limits Limits

	Mode       RedisMode
	Addresses  []string // host:port or unix:/path
	MasterName string   // of Sentinel
	Username   string
	Password   string
	DB         int
	TLS        *tls.Config // nil: none
	Prefix     string      // of every key and channel

	Timeout  time.Duration // of one command; 0: 250ms
	PoolSize int           // connections for acquiring, and as many for releasing and renewing; 0: 4
	TTL      time.Duration // of a lease; 0: 10s

	// Fingerprint tells gates with another hashing secret: gates with different
	// fingerprints on one Redis would lock past each other. "" is not compared.
	Fingerprint string

	Events Events
}

// Events are called when something happens that an operator should know of.
// Each may be nil; none may block or call the store.
type Events struct {
	// Failed: a call to Redis failed; kind is one of FailureKinds.
	Failed func(kind string, err error)
	// Away: the authority cannot be asked any more (err says why), or is back (nil).
	Away func(err error)
	// TakenOver: a turn was granted because the lease of another gate ran out.
	TakenOver func(Key)
	// Notice: a setting of the server is doubtful.
	Notice func(message string)
}

// FailureKinds lists the kinds of Events.Failed.
func FailureKinds() []string {
	return []string{"timeout", "connection", "server", "reply"}
}

// ErrServerTooOld: the server does not know the commands that the scripts need.
var ErrServerTooOld = errors.New("lockstore: the Redis server is too old")

// Redis is a store for any number of gates.
type Redis struct{}

// NewRedis returns a store; it does not touch the network.
func NewRedis(o RedisOptions) (*Redis, error) { return nil, errors.ErrUnsupported }

// Start connects and looks at the server. A Redis that cannot be reached is no
// error: the store then begins without it, as NoFallback of each request says.
func (s *Redis) Start(ctx context.Context) error { return errors.ErrUnsupported }

// Check says whether Acquire would find a place now.
func (s *Redis) Check(r Request) error { return errors.ErrUnsupported }

// Acquire takes a ticket and waits for its turn.
func (s *Redis) Acquire(ctx context.Context, r Request) (*Turn, error) {
	return nil, errors.ErrUnsupported
}

// Waiting is the number of tickets that wait now.
func (s *Redis) Waiting() int { return 0 }

// Sessions is the number of keys that have a request running or waiting now.
func (s *Redis) Sessions() int { return 0 }

// Away says that the authority cannot be asked now.
func (s *Redis) Away() bool { return false }

// Refused says why this gate must not work beside the others on this Redis
// (another hashing secret); "" where nothing is wrong.
func (s *Redis) Refused() string { return "" }

// Close ends every connection and goroutine. Turns must have been released or
// abandoned before; what they told Redis is sent before Close returns, within ctx.
func (s *Redis) Close(ctx context.Context) error { return nil }
