package app

import "github.com/sessiongate/sessiongate/internal/config"

// Check finds what is wrong with a configuration beyond its text, for
// config.Load to list among its own findings.
func Check(c *config.Config) error {
	_, err := compileRules(c)
	return err
}
