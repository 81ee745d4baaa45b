package limiter

import (
	"context"
	"crypto/sha1" //nolint:gosec // Redis names scripts by their SHA-1
	_ "embed"
	"encoding/hex"

	"github.com/redis/go-redis/v9"
)

//go:embed take.lua
var takeSource string

var takeSHA = func() string {
	sum := sha1.Sum([]byte(takeSource)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}()

// call is one run of the script.
type call struct {
	on   *Redis // where it is made; run does not look
	key  string
	args []any // capacity and cost, microseconds

	debt int64 // microseconds; negative: refused
	err  error
}

// run sends calls in one pipeline, and those in a second one for which a server
// did not know the script.
func run(ctx context.Context, client Client, calls []*call) {
	exec(ctx, client, calls, func(p redis.Pipeliner, c *call) *redis.Cmd {
		return p.EvalSha(ctx, takeSHA, []string{c.key}, c.args...)
	})
	var unknown []*call
	for _, c := range calls {
		if redis.HasErrorPrefix(c.err, "NOSCRIPT") {
			unknown = append(unknown, c)
		}
	}
	if len(unknown) == 0 {
		return
	}
	exec(ctx, client, unknown, func(p redis.Pipeliner, c *call) *redis.Cmd {
		return p.Eval(ctx, takeSource, []string{c.key}, c.args...)
	})
}

func exec(ctx context.Context, client Client, calls []*call, send func(redis.Pipeliner, *call) *redis.Cmd) {
	p := client.Pipeline()
	sent := make([]*redis.Cmd, len(calls))
	for i, c := range calls {
		sent[i] = send(p, c)
	}
	_, err := p.Exec(ctx)
	for i, c := range calls {
		// Each command has its own error, but for one reply: that of a log-in which
		// the server has refused is given to none.
		if sent[i].Err() == nil && sent[i].Val() == nil && err != nil {
			c.err = err
			continue
		}
		c.debt, c.err = sent[i].Int64()
	}
}
