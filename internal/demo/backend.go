package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/internal/fpm"
)

// backend is an application behind the gates. It answers /counter.php?ms=,
// which reads the session, works, and writes the session, and says in
// beganHeader when it began.
type backend struct {
	name     string        // for people: what it is
	note     string        // why it is not a real php-fpm; "" where it is one
	upstream []config.Flag // what the gates must know of it
	close    func() error
}

// beganHeader carries the time at which a worker took a request up, in seconds
// since 1970.
const beganHeader = "X-Began"

// simulated is the label of every figure that no PHP was asked for.
func (b *backend) simulated() bool { return b.note != "" }

// openBackend starts php-fpm, or else the stand-in.
func openBackend(ctx context.Context, o Options) (*backend, error) {
	if o.Simulated {
		return startStandIn(ctx, o.Workers, "as asked for by --simulated")
	}
	binary, err := o.PHPFPM, error(nil)
	if binary == "" {
		binary, err = fpm.Find()
	}
	if err == nil {
		var b *backend
		if b, err = startPHP(ctx, binary, o.Workers); err == nil {
			return b, nil
		}
	}
	if ctx.Err() != nil {
		return nil, err
	}
	return startStandIn(ctx, o.Workers, whyNoPHP(err))
}

func whyNoPHP(err error) string {
	if errors.Is(err, fpm.ErrNotInstalled) {
		return "php-fpm is not installed (Debian, Ubuntu: apt install php-fpm)"
	}
	return strings.TrimSpace(err.Error())
}

// ownPool is where the reader's own pool probably listens.
func ownPool() string {
	for _, pattern := range []string{"/run/php/php*-fpm.sock", "/run/php-fpm/*.sock"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return "unix:" + found[len(found)-1]
		}
	}
	return "unix:/run/php/php8.2-fpm.sock"
}

// setting is a value of a configuration key.
func setting(path string, value any) config.Flag {
	return config.Flag{Name: "demo", Path: path, Value: fmt.Sprint(value)}
}
