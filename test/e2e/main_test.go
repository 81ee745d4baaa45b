package e2e

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/sessiongate/sessiongate/internal/gatetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		gatetest.RemoveBinary()
		os.Exit(code)
	}))
}
