// Command sessiongate is an HTTP reverse proxy that runs at most one request of
// a PHP session at a time.
package main

import (
	"os"

	"github.com/sessiongate/sessiongate/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}
