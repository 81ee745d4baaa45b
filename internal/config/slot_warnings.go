package config

import (
	"fmt"
	"slices"
)

// SlotWarnings finds bounds on slots that hold nobody back, or others than meant.
func SlotWarnings(cfg *Config) Errors {
	var warnings Errors
	warn := func(path, message string, args ...any) {
		warnings = append(warnings, &Error{Path: path, Message: fmt.Sprintf(message, args...)})
	}
	for i := range cfg.Upstreams {
		cfg.Upstreams[i].warnOfSlots(joinIndex("upstreams", i), warn)
	}
	for i := range cfg.Rules {
		rule := &cfg.Rules[i]
		u := cfg.upstreamOf(rule)
		if rule.Priority != nil && u != nil && !u.BoundsSlots() {
			warn(joinKey(joinIndex("rules", i), "priority"), "does nothing: upstream %s has neither max_in_flight nor max_in_flight_per_client, so nobody waits for a slot", u.Name)
		}
	}
	return warnings
}

func (u *Upstream) warnOfSlots(path string, warn warnFunc) {
	sum, all := u.slots()
	for i, s := range u.Servers {
		if sum > 0 && s.MaxInFlight == 0 {
			warn(joinKey(joinIndex(joinKey(path, "servers"), i), "max_in_flight"), "0 is no limit, and another server of the upstream has one: this one takes all that the others have no slot for, and nobody waits")
		}
	}
	if all && u.MaxInFlightPerClient >= sum && sum > 0 {
		warn(joinKey(path, "max_in_flight_per_client"), "%d is no less than the slots of all servers together (%d): one client can take them all; leave some to the others", u.MaxInFlightPerClient, sum)
	}
}

// upstreamOf is where a rule sends requests; nil: it names none that there is.
func (cfg *Config) upstreamOf(rule *Rule) *Upstream {
	if i := cfg.upstreamIndex(rule); i >= 0 {
		return &cfg.Upstreams[i]
	}
	return nil
}

// upstreamIndex is upstreamOf by its place; -1: none.
func (cfg *Config) upstreamIndex(rule *Rule) int {
	return slices.IndexFunc(cfg.Upstreams, func(u Upstream) bool {
		return rule.Upstream == nil || *rule.Upstream == u.Name
	})
}
