package lockstore

import (
	"crypto/sha1" //nolint:gosec // Redis names scripts by their SHA-1
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
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

// numbers reads a reply of integers, of which there must be as many as the first
// one says.
func numbers(cmd *redis.Cmd, length map[int64]int) ([]int64, error) {
	text, _ := cmd.Val().(string)
	list := make([]int64, 0, 5)
	for word := range strings.SplitSeq(text, " ") {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: %v", errReply, cmd.Val())
		}
		list = append(list, n)
	}
	if length[list[0]] != len(list) {
		return nil, fmt.Errorf("%w: %v", errReply, cmd.Val())
	}
	return list, nil
}

var turnLength = map[int64]int{int64(notAsked): 2, int64(taken): 5, int64(kept): 5, int64(queued): 5, int64(stale): 2}

func readTurn(cmd *redis.Cmd) (r turnReply, err error) {
	n, err := numbers(cmd, turnLength)
	if err != nil {
		return turnReply{}, err
	}
	r.outcome, r.overlapped = turnOutcome(n[0]), n[1] != 0
	switch r.outcome {
	case taken:
		r.token, r.waiting, r.now, r.ranOut = uint64(n[2]), int(n[3]), n[2], n[4] != 0
	case kept:
		r.token, r.waiting, r.now = uint64(n[2]), int(n[3]), n[4]
	case queued:
		r.rest, r.waiting, r.now = time.Duration(n[2])*time.Microsecond, int(n[3]), n[4]
	case notAsked, stale:
	}
	return r, nil
}

var renewLength = map[int64]int{int64(renewLost): 3, int64(renewed): 3, int64(restored): 3}

func readRenew(cmd *redis.Cmd) (renewReply, error) {
	n, err := numbers(cmd, renewLength)
	if err != nil {
		return renewReply{}, err
	}
	return renewReply{outcome: renewOutcome(n[0]), waiting: int(n[1]), now: n[2]}, nil
}
