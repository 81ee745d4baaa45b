package redisserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"

	"github.com/redis/go-redis/v9"
)

// Slot is the slot of a key.
func (c *Cluster) Slot(ctx context.Context, key string) (int, error) {
	var slot int64
	err := c.anyNode(ctx, func(r *redis.Client) (err error) {
		slot, err = r.ClusterKeySlot(ctx, key).Result()
		return err
	})
	return int(slot), err
}

// NodeOf is the primary that has the slot of a key, once the nodes that answer
// all say the same. It may be dead, and not be missed yet.
func (c *Cluster) NodeOf(ctx context.Context, key string) (*Server, error) {
	var owner *Server
	err := until(ctx, "ask for a primary", func(ctx context.Context) (err error) {
		owner, err = c.owner(ctx, key)
		return err
	})
	return owner, err
}

func (c *Cluster) owner(ctx context.Context, key string) (*Server, error) {
	slot, err := c.Slot(ctx, key)
	if err != nil {
		return nil, err
	}
	owners := make(map[string]bool)
	for _, node := range c.nodes {
		if node.knock(ctx, askLimit) != nil {
			continue
		}
		owner, err := node.namesOwner(ctx, slot)
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() && ctx.Err() == nil {
			continue // halted
		}
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", node.Address(), err)
		}
		owners[owner] = true
	}
	if len(owners) != 1 {
		return nil, fmt.Errorf("slot %d belongs to %v", slot, slices.Sorted(maps.Keys(owners)))
	}
	for _, node := range c.nodes {
		if owners[node.Address()] {
			return node, nil
		}
	}
	return nil, fmt.Errorf("slot %d belongs to a stranger: %v", slot, owners)
}

func (s *Server) namesOwner(ctx context.Context, slot int) (owner string, err error) {
	err = s.ask(ctx, func(r *redis.Client) error {
		shards, err := slotTable(ctx, r)
		for _, shard := range shards {
			if shard.Start <= slot && slot <= shard.End && len(shard.Nodes) > 0 {
				owner = shard.Nodes[0].Addr
			}
		}
		return err
	})
	return owner, err
}

// slotTable is what clients learn from a node: in it are only nodes that can be
// used. The newer CLUSTER SHARDS lists the others too.
func slotTable(ctx context.Context, r *redis.Client) ([]redis.ClusterSlot, error) {
	return r.ClusterSlots(ctx).Result() //nolint:staticcheck // it is deprecated, and what clients use
}

// WaitForOwner returns the primary of a key that is not the one given, once
// every node that answers agrees and it serves. With nil any primary will do.
func (c *Cluster) WaitForOwner(ctx context.Context, key string, not *Server) (*Server, error) {
	var owner *Server
	err := until(ctx, "wait for another primary", func(ctx context.Context) (err error) {
		if owner, err = c.owner(ctx, key); err != nil {
			return err
		}
		if owner == not {
			return fmt.Errorf("it is still %s", owner.Address())
		}
		return owner.ask(ctx, func(r *redis.Client) error { return r.Exists(ctx, key).Err() })
	})
	return owner, err
}

// MoveSlot moves the slot of a key, with all keys in it, to another primary
// while the cluster serves. Clients are sent on: ASK meanwhile, MOVED after.
func (c *Cluster) MoveSlot(ctx context.Context, key string, to *Server) error {
	slot, err := c.Slot(ctx, key)
	if err != nil {
		return err
	}
	from, err := c.NodeOf(ctx, key)
	if err != nil || from == to {
		return err
	}
	fromID, toID, err := ids(ctx, from, to)
	if err != nil {
		return err
	}
	// In this order: who is asked for a slot that moves must know that it comes.
	err = errors.Join(
		to.command(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", fromID),
		from.command(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", toID),
		from.migrate(ctx, slot, to),
		// First to the new owner, so that the slot always has one.
		to.command(ctx, "CLUSTER", "SETSLOT", slot, "NODE", toID),
		from.command(ctx, "CLUSTER", "SETSLOT", slot, "NODE", toID),
	)
	if err != nil {
		return fmt.Errorf("redisserver: move slot %d: %w", slot, err)
	}
	_, err = c.WaitForOwner(ctx, key, from)
	return err
}

func ids(ctx context.Context, a, b *Server) (aID, bID string, err error) {
	for node, id := range map[*Server]*string{a: &aID, b: &bID} {
		err = errors.Join(err, node.tell(ctx, func(r *redis.Client) (err error) {
			*id, err = r.Do(ctx, "CLUSTER", "MYID").Text()
			return err
		}))
	}
	return aID, bID, err
}

func (s *Server) command(ctx context.Context, words ...any) error {
	return s.tell(ctx, func(r *redis.Client) error { return r.Do(ctx, words...).Err() })
}

// migrate hands over the keys of a slot.
func (s *Server) migrate(ctx context.Context, slot int, to *Server) error {
	const atOnce = 100
	return s.tell(ctx, func(r *redis.Client) error {
		for {
			keys, err := r.ClusterGetKeysInSlot(ctx, slot, atOnce).Result()
			if err != nil || len(keys) == 0 {
				return err
			}
			words := []any{"MIGRATE", loopback, to.at.port.Number(), "", 0, tellLimit.Milliseconds(), "KEYS"}
			for _, key := range keys {
				words = append(words, key)
			}
			if err := r.Do(ctx, words...).Err(); err != nil {
				return err
			}
		}
	})
}
