package fault

import (
	"context"
	"os"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/sessiongate/sessiongate/internal/gatetest"
)

// quiet drops what the Redis client says of connections that the tests break.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// pauses are looked for as long as there are tests.
var pauses = gatetest.WatchPauses()

func TestMain(m *testing.M) {
	redis.SetLogger(quiet{})
	// A pool that could not dial looks only once a second whether it was closed.
	dials := goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial")
	goleak.VerifyTestMain(m, dials, goleak.IgnoreCurrent(), goleak.Cleanup(func(code int) {
		gatetest.RemoveBinary()
		os.Exit(code)
	}))
}
