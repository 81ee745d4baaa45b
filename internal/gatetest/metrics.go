package gatetest

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// Get asks for a URL, on a connection of its own.
func Get(tb testing.TB, url string) (status int, body string) {
	tb.Helper()
	// Also from Cleanup, when the test's context has ended.
	req, err := http.NewRequestWithContext(context.WithoutCancel(tb.Context()), http.MethodGet, url, nil)
	if err != nil {
		tb.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return resp.StatusCode, string(content)
}

// Metrics is the page of metrics of the gate whose admin listener is at admin
// (host:port).
func Metrics(tb testing.TB, admin string) string {
	tb.Helper()
	_, text := Get(tb, "http://"+admin+"/metrics")
	return text
}

// Metric is the value of one series, written as in the text format without the
// prefix: refused_total{reason="rule"}. A series that is not there is 0.
func Metric(tb testing.TB, admin, series string) float64 {
	tb.Helper()
	for line := range strings.Lines(Metrics(tb, admin)) {
		value, ok := strings.CutPrefix(line, "sessiongate_"+series+" ")
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil {
			tb.Fatalf("metric %q: %v", line, err)
		}
		return n
	}
	return 0
}
