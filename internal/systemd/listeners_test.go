package systemd

import (
	"slices"
	"strings"
	"testing"
)

func TestSocketsOfOthersAreLeftAlone(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want []string
		err  string
	}{
		"none":             {},
		"the parent's":     {env: map[string]string{listenPID: "7", listenFDs: "2"}},
		"no process id":    {env: map[string]string{listenFDs: "2"}},
		"one":              {env: map[string]string{listenPID: "42", listenFDs: "1", listenNames: "sessiongate.socket"}, want: []string{"sessiongate.socket"}},
		"two without name": {env: map[string]string{listenPID: "42", listenFDs: "2"}, want: []string{"", ""}},
		"more names":       {env: map[string]string{listenPID: "42", listenFDs: "1", listenNames: "a:b"}, want: []string{"a"}},
		"no number":        {env: map[string]string{listenPID: "42", listenFDs: "two"}, err: `LISTEN_FDS: "two" is no number of sockets`},
		"less than none":   {env: map[string]string{listenPID: "42", listenFDs: "-1"}, err: `LISTEN_FDS: "-1" is no number of sockets`},
	} {
		got, err := passed(func(key string) string { return c.env[key] }, 42)
		if !slices.Equal(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v; want %q, %q", name, got, err, c.want, c.err)
		}
	}
}
