package lockstore

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Cluster says whether the servers are a cluster's. With RedisAuto it may have to
// ask; that it could not is an error.
func (o RedisOptions) Cluster(ctx context.Context) (bool, error) {
	if err := o.complete(); err != nil {
		return false, err
	}
	return o.isCluster(ctx)
}

// Examine asks the servers what they are, once. The error says what keeps a gate
// from working with them, and lasts that no patience helps: not one of the
// addresses will do as it is. Nil where nothing is wrong.
func (o RedisOptions) Examine(ctx context.Context) (lasts bool, err error) {
	if err := o.complete(); err != nil {
		return true, err
	}
	found, none := o.examineAll(ctx)
	if len(found) == 0 {
		return false, nil
	}
	return none, found
}

// Client makes a client for another use of the same Redis: one with connections of
// its own, so many to each server, whose use never keeps a turn waiting. Cluster
// finds out what kind the servers are.
func (o RedisOptions) Client(connections int, cluster bool) (redis.UniversalClient, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	return o.client(connections, cluster), nil
}
