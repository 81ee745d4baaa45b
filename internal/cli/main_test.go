package cli_test

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/sessiongate/sessiongate/internal/cli"
)

// TestMain makes the command line a program of the test scripts.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){
		"sessiongate": func() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// leakChecked looks for leaked goroutines when the tests have ended, and leaves
// the end of the process to testscript, which removes its folder before.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	var code int
	goleak.VerifyTestMain(l.m, goleak.Cleanup(func(exitCode int) { code = exitCode }))
	return code
}
