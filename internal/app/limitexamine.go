package app

import (
	"context"

	"github.com/sessiongate/sessiongate/internal/config"
)

// examine looks at the Redis of shared limits before the first request asks it. One
// that will never do is an error, as it is for turns; one that cannot be asked now
// is waited for. Where turns are had from the same Redis they look at it.
func (l *limits) examine(ctx context.Context, c *config.Config) error {
	if l.begun || !c.SharesLimits() || c.Lock.Store == config.StoreRedis {
		return nil
	}
	options, err := redisOptions(c)
	if err != nil {
		return err
	}
	words := redisWords{c.Redis}
	switch lasts, err := options.Examine(ctx); {
	case err == nil:
	case lasts:
		return words.error(err)
	default:
		l.events.unasked(words, err)
	}
	return nil
}
