package cli

import (
	"bytes"
	"strings"
	"testing"
)

// A second line would be another header, or another request, than was meant.
func TestExplainTakesOneLineForEachFlag(t *testing.T) {
	for _, flag := range []string{"--path", "--method", "--host", "--user-agent", "--cookie", "--header"} {
		for _, end := range []string{"\n", "\r", "\r\n"} {
			var out, log bytes.Buffer
			if code := Main([]string{"explain", "-c", "gate.yaml", flag, "a:" + end + "X-Other: b"}, &out, &log); code != exitUsage {
				t.Errorf("%s: exit code %d", flag, code)
			}
			if !strings.Contains(log.String(), "goes over several lines") || out.Len() > 0 {
				t.Errorf("%s: told %q, said %q", flag, &out, &log)
			}
		}
	}
}
