package gatetest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent(), goleak.Cleanup(func(code int) {
		RemoveBinary()
		os.Exit(code)
	}))
}

func TestMetricReadsOneSeries(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "# TYPE sessiongate_waiting gauge\nsessiongate_waiting 3\nsessiongate_waiting_other 4\n"+
			"sessiongate_refused_total{reason=\"rule\"} 5\nsessiongate_refused_total{reason=\"other rule\"} 6\n")
	}))
	defer s.Close()
	admin := strings.TrimPrefix(s.URL, "http://")
	for series, want := range map[string]float64{
		"waiting": 3, `refused_total{reason="rule"}`: 5, `refused_total{reason="other rule"}`: 6, "refused_total": 0,
	} {
		if got := Metric(t, admin, series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
}

func TestEventuallyLooksAgain(t *testing.T) {
	left := 3
	Eventually(t, func() bool { left--; return left == 0 }, func() string { return fmt.Sprint(left) })
}

func TestTheBinaryRuns(t *testing.T) {
	out, err := exec.Command(Binary(t), "version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "sessiongate") {
		t.Errorf("%q, %v", out, err)
	}
}
