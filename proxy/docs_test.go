package proxy

import (
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// What operators see is described: every reason, every metric, every field.
func TestOperationsPageNamesWhatOperatorsSee(t *testing.T) {
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range Reasons() {
		if !strings.Contains(string(page), "`"+string(reason)+"`") {
			t.Errorf("docs/operations.md does not name the reason %s", reason)
		}
	}
	registry := prometheus.NewRegistry()
	g := &Gate{}
	g.Metrics = NewMetrics(registry)
	g.RegisterGauges(registry)
	descriptions := make(chan *prometheus.Desc, 100)
	registry.Describe(descriptions)
	close(descriptions)
	for d := range descriptions {
		_, rest, _ := strings.Cut(d.String(), `fqName: "`)
		name, _, _ := strings.Cut(rest, `"`)
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/operations.md does not name the metric %s", name)
		}
	}
}
