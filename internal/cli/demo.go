package cli

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sessiongate/sessiongate/internal/demo"
)

func newDemo() *cobra.Command {
	var o demo.Options
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show before and after on a php-fpm of its own",
		Long: "Starts a php-fpm (or a simulated backend where there is none) with the gate in\n" +
			"front, on free ports of 127.0.0.1, shows what requests of one session do to each\n" +
			"other and to other users without the gate and with it, and stays up to be tried.",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case o.Requests < 2 || o.Requests > demo.MaxRequests:
				return usagef(c, "--requests %d: 2 to %d are possible", o.Requests, demo.MaxRequests)
			case o.Workers < 1 || o.Workers > demo.MaxWorkers:
				return usagef(c, "--workers %d: 1 to %d are possible", o.Workers, demo.MaxWorkers)
			}
			// A closed terminal ends it in order too: php-fpm and the scratch folder
			// must not stay behind.
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGHUP)
			defer stop()
			stopPipes := survivePipes()
			defer stopPipes()
			o.Out, o.Log, o.Version, o.Program = c.OutOrStdout(), c.ErrOrStderr(), version(), os.Args[0]
			return demo.Run(ctx, o)
		},
	}
	flags := c.Flags()
	flags.IntVar(&o.Requests, "requests", 20, "how many the session sends at once (`number`)")
	flags.IntVar(&o.Workers, "workers", 10, "of the backend (`number`)")
	flags.BoolVar(&o.Simulated, "simulated", false, "use the simulated backend even where php-fpm is installed")
	flags.BoolVar(&o.Once, "exit", false, "end after the figures")
	return c
}
