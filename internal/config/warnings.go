package config

import "slices"

// Warnings finds what a configuration says that may not be meant. The gate serves
// with it all the same.
func Warnings(cfg *Config) Errors {
	return slices.Concat(RuleWarnings(cfg), SessionWarnings(cfg), SlotWarnings(cfg), LimitWarnings(cfg), ClientWarnings(cfg))
}

// LoadWarned does as Load, and says where what Warnings finds is written.
func LoadWarned(source Source) (*Config, Errors, error) {
	content, err := source.content()
	if err != nil {
		return nil, nil, err
	}
	r := newReport(source.Path)
	cfg, err := loadReported(source, content, r)
	if err != nil {
		return nil, nil, err
	}
	warnings := Warnings(cfg)
	for _, w := range warnings {
		w.order = r.origin(w.Path)
		w.Source = r.source(w.order)
	}
	warnings.sort()
	return cfg, warnings, nil
}
