package app

import (
	"errors"
	"fmt"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/proxy"
	"github.com/sessiongate/sessiongate/proxy/session"
)

// Check finds what is wrong with a configuration beyond its text, for
// config.Load to list among its own findings.
func Check(c *config.Config) error {
	if len(c.Upstreams) == 0 {
		return nil // said already
	}
	_, err := compileRules(c)
	errs := []error{err, checkNames("session", config.SessionNames{Cookie: &c.Session.Cookie, Header: &c.Session.Header})}
	for i := range c.Upstreams {
		errs = append(errs, checkNames(fmt.Sprintf("upstreams[%d].session", i), c.Upstreams[i].Session))
	}
	for i := range c.Rules {
		errs = append(errs, checkNames(fmt.Sprintf("rules[%d].session", i), c.Rules[i].Session), checkMatchedHeaders(i, c.Rules[i].Match.Header))
	}
	return errors.Join(errs...)
}

// checkNames looks at where a session id is read from.
func checkNames(path string, names config.SessionNames) error {
	return errors.Join(checkCookie(path+".cookie", names.Cookie), checkHeader(path+".header", names.Header))
}

// checkCookie refuses names that PHP does not take: no request would ever have
// a session.
func checkCookie(path string, name *string) error {
	if name == nil || *name == "" {
		return nil
	}
	if err := session.CheckCookieName(*name); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// checkHeader refuses headers that the upstream would not get as the gate has
// read them: gate and application would mean two sessions.
func checkHeader(path string, name *string) error {
	if name == nil || *name == "" || proxy.CanCarrySession(*name) {
		return nil
	}
	return fmt.Errorf("%s: %q does not reach the application as it was sent; use a header of its own, such as X-Session-Id", path, *name)
}

// checkMatchedHeaders refuses headers that the upstream would get in another
// form, or not at all: the rule and the application would not mean the same.
func checkMatchedHeaders(rule int, headers []config.NameValue) error {
	var errs []error
	for i, h := range headers {
		if !proxy.CanMatchHeader(h.Name) {
			errs = append(errs, fmt.Errorf("rules[%d].match.header[%d].name: %q does not reach the application as it was sent; addresses are matched by client, hosts by host", rule, i, h.Name))
		}
	}
	return errors.Join(errs...)
}
