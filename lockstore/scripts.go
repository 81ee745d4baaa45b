package lockstore

import (
	"crypto/sha1" //nolint:gosec // Redis names scripts by their SHA-1
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed turn.lua
var turnSource string

//go:embed renew.lua
var renewSource string

// script is a Lua script with the name that Redis gives it.
type script struct{ source, sha string }

func newScript(source string) script {
	sum := sha1.Sum([]byte(source)) //nolint:gosec // as above
	return script{source: source, sha: hex.EncodeToString(sum[:])}
}

// errReply: a script returned something that it cannot return.
var errReply = errors.New("lockstore: unexpected reply")

// numbers reads a reply of so many integers.
func numbers(cmd *redis.Cmd, want int) ([]int64, error) {
	list, err := cmd.Int64Slice()
	if err != nil {
		if cmd.Err() == nil {
			err = fmt.Errorf("%w: %w", errReply, err)
		}
		return nil, err
	}
	if len(list) != want {
		return nil, fmt.Errorf("%w: %d numbers instead of %d", errReply, len(list), want)
	}
	return list, nil
}

func readTurn(cmd *redis.Cmd) (turnReply, error) {
	n, err := numbers(cmd, 5)
	if err != nil {
		return turnReply{}, err
	}
	return turnReply{
		outcome: turnOutcome(n[0]),
		token:   uint64(n[1]), //nolint:gosec // a token is never negative
		rest:    time.Duration(n[2]) * time.Microsecond,
		waiting: int(n[3]),
		now:     n[4],
	}, nil
}

func readRenew(cmd *redis.Cmd) (renewReply, error) {
	n, err := numbers(cmd, 3)
	if err != nil {
		return renewReply{}, err
	}
	return renewReply{outcome: renewOutcome(n[0]), waiting: int(n[1]), now: n[2]}, nil
}
