package proxy

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Goroutines are used again, kept up to a bound, and let go.
func TestGoroutinesOfRunsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		working := b.gate.runners.working
		const crowd = maxIdleRunners + 10
		for range crowd {
			b.send("GET", "", "Cookie", "")
		}
		synctest.Wait()
		b.want("goroutines while all run", working.count(), crowd)
		for range crowd {
			s.let(ok(""))
		}
		synctest.Wait()
		b.want("goroutines that are kept", working.count(), maxIdleRunners)
		v := b.send("GET", "", "Cookie", "")
		synctest.Wait()
		b.want("goroutines with one at work", working.count(), maxIdleRunners)
		s.let(func() (*http.Response, error) { return answer(strings.NewReader("again")), nil })
		<-v.done
		if got := v.Body.String(); got != "again" {
			t.Errorf("a goroutine that is used again answers %q", got)
		}
		<-time.After(2 * maxRunnerIdle)
		synctest.Wait()
		b.want("goroutines after a while", working.count(), 0)
	})
}
