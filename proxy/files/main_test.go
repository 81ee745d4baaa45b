package files

import (
	"testing"

	"go.uber.org/goleak"
)

// net/http writes ranges from a goroutine of its own.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
