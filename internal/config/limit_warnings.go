package config

import (
	"fmt"
	"time"
)

// LimitWarnings finds limits that hold nobody back, and those that hold back
// more than most operators want.
func LimitWarnings(cfg *Config) Errors {
	var warnings Errors
	warn := func(path, message string, args ...any) {
		warnings = append(warnings, &Error{Path: path, Message: fmt.Sprintf(message, args...)})
	}
	for i := range cfg.Rules {
		rule := &cfg.Rules[i]
		for n, l := range rule.Limits {
			l.warnOf(joinIndex(joinKey(joinIndex("rules", i), "limits"), n), rule.LimitName(n), warn)
		}
	}
	for i, l := range cfg.Limits {
		l.warnOf(joinIndex("limits", i), l.Name, warn)
	}
	for i, one := range cfg.Concurrency {
		if one.Max == 0 {
			warn(joinKey(joinIndex("concurrency", i), "max"), "not said, or 0, is no limit: %s lets everything through", one.Name)
		}
	}
	return warnings
}

// warnOf: a burst of 1 at a high rate is a burst that was forgotten. At a low one
// it is a choice.
func (l Limit) warnOf(path, name string, warn warnFunc) {
	switch {
	case l.Rate == 0:
		warn(joinKey(path, "rate"), "not said, or 0, is no limit: %s lets everything through", name)
	case l.Rate > 1 && l.Burst == 1:
		warn(joinKey(path, "burst"), "1, as where it is not said, refuses the second of two requests that come within %s: browsers send several at once; say how many may come so",
			formatDuration(time.Duration(float64(time.Second)/float64(l.Rate)).Round(time.Microsecond)))
	}
}
