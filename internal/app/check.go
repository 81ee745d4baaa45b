package app

import (
	"errors"
	"fmt"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/proxy"
)

// Check finds what is wrong with a configuration beyond its text, for
// config.Load to list among its own findings.
func Check(c *config.Config) error {
	if len(c.Upstreams) == 0 {
		return nil // said already
	}
	_, err := compileRules(c)
	return errors.Join(err, checkSessionHeaders(c))
}

// checkSessionHeaders refuses session headers that the upstream would not get
// as the gate has read them: gate and application would mean two sessions.
func checkSessionHeaders(c *config.Config) error {
	errs := []error{checkSessionHeader("session.header", &c.Session.Header)}
	for i := range c.Upstreams {
		errs = append(errs, checkSessionHeader(fmt.Sprintf("upstreams[%d].session.header", i), c.Upstreams[i].Session.Header))
	}
	for i := range c.Rules {
		errs = append(errs, checkSessionHeader(fmt.Sprintf("rules[%d].session.header", i), c.Rules[i].Session.Header))
	}
	return errors.Join(errs...)
}

func checkSessionHeader(path string, name *string) error {
	if name == nil || *name == "" || proxy.CanCarrySession(*name) {
		return nil
	}
	return fmt.Errorf("%s: %q does not reach the application as it was sent; use a header of its own, such as X-Session-Id", path, *name)
}
