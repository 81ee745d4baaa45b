package config

import "slices"

// Warnings finds what a configuration says that may not be meant. The gate serves
// with it all the same.
func Warnings(cfg *Config) Errors {
	return slices.Concat(RuleWarnings(cfg), SlotWarnings(cfg), LimitWarnings(cfg))
}
