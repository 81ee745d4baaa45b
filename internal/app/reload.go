package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/limiter"
)

// Reload reads the configuration again, checks it as a start would, and has the
// gate go by it: all of it that a running gate can take over, or nothing where
// there is a mistake. What needs a restart keeps its value, and is named. What came
// of it is logged and shown in metrics. It is for between Start and Close, from any
// goroutine; ctx bounds what it asks of Redis.
func (a *App) Reload(ctx context.Context, source config.Source) {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	if a.closed {
		return
	}
	a.tellReloading()
	taken, err := a.reload(ctx, source)
	if err != nil {
		a.reloads.refused(err)
		a.tellRefused(err)
		return
	}
	a.reloads.taken(taken)
	defer a.tellTaken(taken)
	if err := a.limits.settle(ctx, a.current(), a.overCluster); err != nil {
		a.log.Error().Err(err).Msg("shared limits cannot be counted in Redis, each gate counts by itself")
	}
}

// reload returns what it has changed.
func (a *App) reload(ctx context.Context, source config.Source) (*change, error) {
	before := a.current()
	read, err := config.Reload(source, before)
	if err != nil {
		return nil, err
	}
	mistakes, warnings := read.CheckFiles()
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	files, err := filesOfStart(read.Config)
	if err != nil {
		return nil, err
	}
	operators, err := a.adminHandler(read.Config)
	if err != nil {
		return nil, err
	}
	if err := a.limits.examine(ctx, read.Config); err != nil {
		return nil, err
	}
	if err := a.use(read.Config); err != nil {
		return nil, err
	}
	a.admin.use(operators)
	a.warn(append(config.Warnings(read.Config), warnings...))
	taken := changeOf(before, read)
	taken.restart = append(taken.restart, a.files.changed(files)...)
	return taken, nil
}

// use has the requests that come from now on go by a configuration. Where there is
// an error nothing has changed.
func (a *App) use(c *config.Config) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.useLocked(c); err != nil {
		return err
	}
	a.config = c
	return nil
}

// overCluster has shared limits counted in a cluster: it has shown to be one.
func (a *App) overCluster() {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.limits.overCluster(a.config)
	if err == nil {
		err = a.useLocked(a.config)
	}
	if err == nil {
		err = a.limits.closeReplaced(a.config)
	}
	if err != nil {
		a.log.Error().Err(err).Msg("shared limits cannot be counted in the cluster, each gate counts by itself")
	}
}

// useLocked is use, for who knows the configuration.
func (a *App) useLocked(c *config.Config) error {
	setup, err := a.setup(c)
	if err != nil {
		return err
	}
	a.level.set(c.Log.Level)
	a.locks.bound(waitingLimits(c))
	a.gate.Use(setup)
	a.ready.use(a.upstreams.readiness(c))
	return nil
}

// current is the configuration that the gate goes by.
func (a *App) current() *config.Config {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.config
}

// change is what a reload has changed.
type change struct {
	keys                  []string // with other values that are taken over
	restart               []string // that need a restart
	rulesBefore, rules    int
	limitsKept            int // with what their keys have done
	limitsNew, limitsGone []string
	servers               serverChange
}

func changeOf(before *config.Config, read *config.Reloaded) *change {
	c := &change{keys: read.Changed, restart: read.Restart, rulesBefore: len(before.Rules), rules: len(read.Config.Rules)}
	c.servers = serverChangeOf(before, read.Config)
	was, is := identities(limiterOptions(before)), identities(limiterOptions(read.Config))
	for _, one := range is.names {
		if was.of[one] == is.of[one] {
			c.limitsKept++
		} else {
			c.limitsNew = append(c.limitsNew, one)
		}
	}
	for _, one := range was.names {
		if is.of[one] == nil {
			c.limitsGone = append(c.limitsGone, one)
		}
	}
	return c
}

// identity is what makes limits the same ones, so that they go on: see
// limiter.Set.Next.
type identity struct {
	names []string // in their order
	of    map[string]any
}

func identities(o limiter.Options) identity {
	i := identity{of: make(map[string]any)}
	add := func(name string, what any) {
		i.names = append(i.names, name)
		i.of[name] = what
	}
	for _, l := range o.Limits {
		l.Enforce = true
		add(l.Name, l)
	}
	for _, c := range o.Concurrency {
		add(fmt.Sprintf("%s (concurrency)", c.Name), c.Key)
	}
	return i
}

// mistakesOf are the lines of what is wrong with a configuration.
func mistakesOf(err error) []string {
	var all config.Errors
	if !errors.As(err, &all) {
		return []string{err.Error()}
	}
	lines := make([]string, len(all))
	for i, one := range all {
		lines[i] = one.Error()
	}
	return lines
}
