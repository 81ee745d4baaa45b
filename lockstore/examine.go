package lockstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// explain finds out why the servers cannot be worked with, by asking each of
// them what it is. It returns err where all of them are as they should be.
// What lasts is not worth waiting for: a server has refused the gate, or not one
// of the addresses is fit.
func (o *RedisOptions) explain(ctx context.Context, err error) (lasts bool, explained error) {
	said, typed := errors.AsType[*ServerError](err)
	lasts = typed && !said.Fault.Passes()
	found, none := o.examineAll(ctx)
	if lasts {
		found = slices.DeleteFunc(found, func(e *ServerError) bool { return e.Fault != said.Fault })
	}
	if len(found) == 0 || ctx.Err() != nil {
		return lasts, err
	}
	return lasts || none, found
}

// examineAll asks all addresses at once, and the servers that Sentinels name
// after them. It also says whether none of them will ever do.
func (o *RedisOptions) examineAll(ctx context.Context) (found ServerErrors, none bool) {
	asked := o.Mode
	if o.Mode == RedisAuto {
		asked = RedisSingle
	}
	first := make([]*examination, len(o.Addresses))
	for i, address := range o.Addresses {
		first[i] = &examination{options: o, address: address, as: asked, anyKind: o.Mode == RedisAuto}
	}
	found, none = runAll(ctx, first)
	var second []*examination
	named := make(map[string]bool)
	for _, e := range first {
		if e.master != "" && !named[e.master] {
			named[e.master] = true
			second = append(second, &examination{options: o, address: e.master, as: RedisSingle, named: e.address})
		}
	}
	masters, useless := runAll(ctx, second)
	return append(found, masters...), none || useless
}

// runAll runs examinations at once; none says that all have found what lasts.
func runAll(ctx context.Context, list []*examination) (found ServerErrors, none bool) {
	faults := make([]*ServerError, len(list))
	var all sync.WaitGroup
	for i, e := range list {
		all.Go(func() { faults[i] = e.run(ctx) })
	}
	all.Wait()
	none = len(list) > 0
	for _, fault := range faults {
		if fault != nil {
			found = append(found, fault)
		}
		none = none && fault != nil && !fault.Fault.Passes()
	}
	return found, none
}

// examination asks one server what it is, step by step, over one connection.
type examination struct {
	options *RedisOptions
	address string
	as      RedisMode // what the server should be
	anyKind bool      // a cluster's will do, too
	named   string    // the Sentinel that named the address

	master string // whom this Sentinel names
}

// run returns nil where nothing is wrong.
func (e *examination) run(ctx context.Context) *ServerError {
	ctx, cancel := context.WithTimeout(ctx, 4*e.options.Timeout)
	defer cancel()
	conn, fault := e.dial(ctx)
	if fault != nil {
		return fault
	}
	defer func() { _ = conn.Close() }()
	client := e.client(conn)
	defer func() { _ = client.Close() }()
	err := e.ask(ctx, client)
	if err == nil {
		return nil
	}
	if fault, ok := errors.AsType[*ServerError](err); ok {
		return fault
	}
	if kind, known := faultOf(err); known {
		return e.fault(kind, err)
	}
	if strings.Contains(err.Error(), "MOVED") {
		return nil // a cluster's way of saying where a key is
	}
	return e.unheard(ctx, conn, err)
}

func (e *examination) fault(kind Fault, err error) *ServerError {
	return &ServerError{Address: e.address, Named: e.named, Asked: string(e.as), Fault: kind, Err: err}
}

// client speaks over this one connection, and says nothing of its own accord.
func (e *examination) client(conn net.Conn) *redis.Client {
	once := make(chan net.Conn, 1)
	once <- conn
	return redis.NewClient(&redis.Options{
		Addr: e.address,
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			select {
			case c := <-once:
				return c, nil
			default:
				return nil, errBrokenOff
			}
		},
		Protocol: 2, MaxRetries: -1, DialerRetries: 1, PoolSize: 1, PipelinePoolSize: -1,
		DialTimeout: e.options.Timeout, ReadTimeout: e.options.Timeout, WriteTimeout: e.options.Timeout,
		ContextTimeoutEnabled: true, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

var errBrokenOff = errors.New("the connection was broken off")

// ask puts the questions. What the server is comes before whether it lets the
// gate in: a password that a Sentinel does not take may be another server's.
func (e *examination) ask(ctx context.Context, c *redis.Client) error {
	about, err := c.Info(ctx, "server").Result()
	if _, replied := faultOf(err); err != nil && !replied {
		return err
	}
	if err == nil {
		if err := e.checkKind(about); err != nil {
			return err
		}
	}
	user, password := e.options.Username, e.options.Password
	if e.as == RedisSentinel {
		user, password = e.options.SentinelUsername, e.options.SentinelPassword
	}
	if password != "" {
		if err := logIn(ctx, c, user, password); err != nil {
			return err
		}
		if about, err = c.Info(ctx, "server").Result(); err == nil {
			err = e.checkKind(about)
		}
	}
	if err != nil {
		return err
	}
	if e.as == RedisSentinel {
		return e.askForMaster(ctx, c)
	}
	return e.askForData(ctx, c)
}

// logIn names the default user as the store's clients do: a server that asks for
// no password takes any from him.
func logIn(ctx context.Context, c *redis.Client, user, password string) error {
	if user == "" {
		user = "default"
	}
	return c.Do(ctx, "AUTH", user, password).Err()
}

// checkKind compares what the server says of itself with what it should be.
func (e *examination) checkKind(about string) error {
	is := infoField(about, "redis_mode")
	kind := Fault("")
	switch {
	case is == "":
		return nil // it does not say
	case is == "sentinel" && e.as != RedisSentinel:
		kind = FaultSentinel
	case is != "sentinel" && e.as == RedisSentinel:
		kind = FaultNoSentinel
	case is == "cluster" && e.as == RedisSingle && !e.anyKind:
		kind = FaultClusterMember
	case is == "standalone" && e.as == RedisCluster:
		kind = FaultNoCluster
	}
	if kind != "" {
		return e.fault(kind, fmt.Errorf("it says redis_mode:%s", is))
	}
	if e.as == RedisSentinel {
		return nil // any version names a master
	}
	if err := tooOld(about, is == "cluster"); err != nil {
		return e.fault(FaultTooOld, err)
	}
	return nil
}

func (e *examination) askForMaster(ctx context.Context, c *redis.Client) error {
	at, err := c.Do(ctx, "SENTINEL", "get-master-addr-by-name", e.options.MasterName).StringSlice()
	if errors.Is(err, redis.Nil) {
		return e.fault(FaultMasterName, fmt.Errorf("it knows no master %q", e.options.MasterName))
	}
	if err == nil && len(at) == 2 {
		e.master = net.JoinHostPort(at[0], at[1])
	}
	return err
}

// askForData looks for what keeps a server from taking the gate's writes.
func (e *examination) askForData(ctx context.Context, c *redis.Client) error {
	if e.options.DB != 0 {
		if err := c.Do(ctx, "SELECT", e.options.DB).Err(); err != nil {
			return err
		}
	}
	if about, err := c.Info(ctx, "replication").Result(); err == nil && e.as != RedisCluster && infoField(about, "role") == "slave" {
		return e.fault(FaultReplica, fmt.Errorf("a replica of %s", net.JoinHostPort(infoField(about, "master_host"), infoField(about, "master_port"))))
	}
	err := c.Get(ctx, e.options.fingerprints()).Err()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}
