// Package cli is the command line: a file a command.
//
// Commands print what was asked for to standard output, and logs and errors to
// standard error. They exit with 0, with 1 where something failed, and with 2
// where the command line itself was wrong.
package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

const (
	exitFailed = 1
	exitUsage  = 2
)

// Main runs the command line and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := untilSignal()
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	complain(stderr, err)
	if errors.As(err, new(*usageError)) {
		return exitUsage
	}
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "sessiongate",
		Short:         "Runs at most one request of a PHP session at a time",
		Long:          "sessiongate is an HTTP reverse proxy in front of PHP-FPM. It keeps requests of one\nsession waiting in the proxy, in order, instead of in PHP workers.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() }, // without it Args is not looked at
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usagef(c, "%w", err) })
	root.AddCommand(newServe(), newCheck(), newExplain(), newDemo(), newVersion())
	return root
}

// usageError is a mistake in the command line.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usagef(c *cobra.Command, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &usageError{fmt.Errorf("%w\nsee %q", err, c.CommandPath()+" --help")}
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.HasSubCommands() {
		return usagef(c, "unknown command %q", args[0])
	}
	return usagef(c, "unexpected argument %q", args[0])
}
