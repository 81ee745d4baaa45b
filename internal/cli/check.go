package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/sessiongate/sessiongate/internal/app"
	"github.com/sessiongate/sessiongate/internal/config"
)

func newCheck() *cobra.Command {
	var file string
	var textOnly, quiet bool
	c := &cobra.Command{
		Use:   "check -c FILE",
		Short: "Check a configuration and say in words what it would serve",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if file == "" {
				file = os.Getenv(config.EnvFile)
			}
			if file == "" {
				return usagef(c, "which file? give -c FILE")
			}
			loaded, warnings, err := config.LoadWarned(config.Source{Path: file, Env: os.Environ(), Check: app.Check})
			if err != nil {
				return err
			}
			warn(c, warnings)
			if !textOnly {
				if err := checkMachine(c, loaded); err != nil {
					return err
				}
			}
			if quiet {
				return nil
			}
			_, err = fmt.Fprint(c.OutOrStdout(), config.Describe(loaded))
			return err
		},
	}
	c.Flags().StringVarP(&file, "config", "c", "", "the configuration `file`; also by "+config.EnvFile)
	c.Flags().BoolVar(&textOnly, "text-only", false, "do not look for the folders, files and sockets that it names: it is for another machine")
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "say only what is wrong with it, or doubtful")
	return c
}

// checkMachine compares the configuration with the machine it is checked on.
func checkMachine(c *cobra.Command, loaded *config.Config) error {
	mistakes, warnings := config.CheckFiles(loaded)
	warn(c, warnings)
	if len(mistakes) > 0 {
		return mistakes
	}
	return nil
}

func warn(c *cobra.Command, warnings config.Errors) {
	for _, w := range warnings {
		_, _ = fmt.Fprintln(c.ErrOrStderr(), "warning:", w)
	}
}
