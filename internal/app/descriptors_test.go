//go:build linux || darwin

package app

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// A number of connections that no process has descriptors for.
func TestTheStartWarnsOfTooFewDescriptors(t *testing.T) {
	var log bytes.Buffer
	a, err := New(load(t, `
server: {listen: "127.0.0.1:0", max_connections: 1000000000, drain_delay: 0s}
admin: {listen: "127.0.0.1:0"}
`), "test", zerolog.New(&log))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log.String(), "LimitNOFILE") {
		t.Errorf("before the start, too: %s", &log)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Drain(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), `"key":"server.max_connections"`) || !strings.Contains(log.String(), "LimitNOFILE=30") {
		t.Errorf("the log has no warning: %s", &log)
	}
}
