package app

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/internal/gatetest"
	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/limiter"
)

// reloadable is an App whose file can be changed.
type reloadable struct {
	*testing.T
	*App
	log  *gatetest.Log
	file string
	head string // of what is written: the listeners
}

// startReloadable runs a gate until the test ends.
func startReloadable(t *testing.T, yaml string) *reloadable {
	t.Helper()
	r := &reloadable{T: t, log: &gatetest.Log{}, head: quiet, file: filepath.Join(t.TempDir(), "gate.yaml")}
	r.write(yaml)
	c, err := config.Load(r.source())
	if err != nil {
		t.Fatal(err)
	}
	if r.App, err = New(c, "test", zerolog.New(r.log)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *reloadable) source() config.Source { return config.Source{Path: r.file, Check: Check} }

func (r *reloadable) write(yaml string) {
	r.Helper()
	if err := os.WriteFile(r.file, []byte(r.head+yaml), 0o600); err != nil {
		r.Fatal(err)
	}
}

// read has the gate read a configuration. It returns what is logged of it.
func (r *reloadable) read(yaml string) string {
	r.Helper()
	r.write(yaml)
	before := len(r.log.String())
	r.Reload(r.Context(), r.source())
	return r.log.String()[before:]
}

func (r *reloadable) wantMetrics(lines ...string) {
	r.Helper()
	metrics := metricsOf(r.T, r.App)
	for _, want := range lines {
		if !strings.Contains(metrics, "\n"+want+"\n") {
			r.Errorf("no %s in\n%s", want, metrics)
		}
	}
}

func (r *reloadable) wantPasses(path string, want int) {
	r.Helper()
	if got := passes(r.T, r.App, path, 9); got != want {
		r.Errorf("%s: %d of 9 passed, want %d", path, got, want)
	}
}

// What is the same goes on with its debts; what is said in another way begins anew.
func TestAClientInDebtStaysInDebtOverAReload(t *testing.T) {
	upstream := upstreamOf(t, nothing)
	r := startReloadable(t, upstream+threeAnHour)
	r.wantPasses("/", 3)
	log := r.read(upstream + threeAnHour + "rules: [{name: a, match: {path: [/a]}, limits: [{key: all, rate: 1/h, burst: 2}], skip_limits: true}]\n")
	for _, want := range []string{`"keys":["rules"]`, `"rules_before":0,"rules":1,"limits_kept":1,"limits_new":["a/1"],"limits_gone":[]`} {
		if !strings.Contains(log, want) {
			t.Errorf("no %s in %s", want, log)
		}
	}
	r.wantPasses("/", 0)
	r.wantPasses("/a", 2)
	r.read(upstream + strings.Replace(threeAnHour, "burst: 3", "burst: 3, enforce: false", 1))
	r.wantPasses("/", 9)
	log = r.read(upstream + strings.Replace(threeAnHour, "burst: 3", "burst: 4", 1))
	if !strings.Contains(log, `"rules_before":0,"rules":0,"limits_kept":0,"limits_new":["few"],"limits_gone":[]`) {
		t.Error(log)
	}
	r.wantPasses("/", 4)
	if log := r.read(upstream); !strings.Contains(log, `"limits_gone":["few"]`) {
		t.Error(log)
	}
	r.wantPasses("/", 9)
	r.wantMetrics(`sessiongate_config_reloads_total{result="taken"} 4`, "sessiongate_config_reload_failed 0", "sessiongate_config_restart_keys 0")
}

func TestABadConfigurationLeavesAllAsItWas(t *testing.T) {
	upstream := upstreamOf(t, nothing)
	r := startReloadable(t, upstream+threeAnHour)
	r.wantPasses("/", 3)
	log := r.read(upstream + "limits: []\nlock: {mode: exclusiv}\nrules: [{name: a, match: {path_regex: ['(']}}]\n")
	if strings.Count(log, "\n") != 1 || !strings.Contains(log, `"level":"error"`) || !strings.Contains(log, "lock.mode: ") || !strings.Contains(log, "rules[0].match.path_regex") {
		t.Errorf("want one line with both mistakes:\n%s", log)
	}
	r.wantPasses("/", 0)
	r.wantMetrics(`sessiongate_config_reloads_total{result="refused"} 1`, "sessiongate_config_reload_failed 1")
	if log := r.read(upstream + threeAnHour + "refusals: {page_file: /none/page.html}\n"); !strings.Contains(log, "refusals.page_file") {
		t.Errorf("a page that is not there:\n%s", log)
	}
	if err := os.Remove(r.file); err != nil {
		t.Fatal(err)
	}
	r.Reload(t.Context(), r.source())
	r.wantMetrics(`sessiongate_config_reloads_total{result="refused"} 3`)
	r.read(upstream + threeAnHour)
	r.wantPasses("/", 0)
	r.wantMetrics("sessiongate_config_reload_failed 0")
}

func TestKeysThatNeedARestartAreNamedAndTheRestIsTakenOver(t *testing.T) {
	upstream := upstreamOf(t, nothing)
	r := startReloadable(t, upstream)
	log := r.read(upstream + "spool: {max_disk: 1GiB}\nlock: {ttl: 20s, max_waiting: 9}\n" + threeAnHour)
	if !strings.Contains(log, `"keys":["spool.max_disk","lock.ttl"],"message":"keys of the configuration need a restart, until then they keep their values"`) ||
		!strings.Contains(log, `"keys":["lock.max_waiting","limits"]`) {
		t.Error(log)
	}
	r.wantPasses("/", 3)
	r.wantMetrics("sessiongate_config_restart_keys 2")
	r.read(upstream)
	r.wantMetrics("sessiongate_config_restart_keys 0")
}

// What stands in a file that is read at the start only can change without a word in
// the configuration.
func TestAnotherSecretNeedsARestart(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	write := func(text string) {
		if err := os.WriteFile(key, []byte(strings.Repeat(text, 32)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a")
	yaml := upstreamOf(t, nothing) + "session: {key_file: " + key + "}\n"
	r := startReloadable(t, yaml)
	write("b")
	if log := r.read(yaml); !strings.Contains(log, `"keys":["session.key_file (what stands in the file)"]`) {
		t.Error(log)
	}
	write("a")
	if log := r.read(yaml); strings.Contains(log, "need a restart") {
		t.Error(log)
	}
}

// Each is taken over in a way of its own.
func TestWhatIsNotARuleIsTakenOverToo(t *testing.T) {
	var from string
	upstream := upstreamOf(t, func(_ http.ResponseWriter, r *http.Request) { from = r.Header.Get("X-Forwarded-For") })
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	page, token := write("page.html", "<p>first {{.Reload}}"), write("token", strings.Repeat("a", 32))
	reject := "rules: [{name: no, match: {path: [/no]}, action: reject}]\n"
	r := startReloadable(t, upstream)

	r.head = strings.Replace(quiet, "drain_delay: 0s", "drain_delay: 0s, trusted_proxies: [127.0.0.1/32]", 1)
	r.read(upstream + reject + "refusals: {page_file: " + page + "}\nlog: {level: warn}\n")
	if got := r.askAs("/no", "text/html", ""); !strings.Contains(got, "<p>first") {
		t.Errorf("page: %s", got)
	}
	if before := len(r.log.String()); r.askAs("/", "", "192.0.2.7") != "" || len(r.log.String()) != before {
		t.Errorf("below the level:\n%s", r.log.String()[before:])
	}
	if from != "192.0.2.7, 127.0.0.1" {
		t.Errorf("the trusted proxy's client is %q", from)
	}

	write("page.html", "<p>second {{.Reload}}") // the same key, and another page
	r.head = strings.Replace(quiet, "admin: {", "admin: {token_file: "+token+", ", 1)
	r.read(upstream + reject + "refusals: {page_file: " + page + "}\n")
	if got := r.askAs("/no", "text/html", ""); !strings.Contains(got, "<p>second") {
		t.Errorf("page: %s", got)
	}
	if got := metricsOf(t, r.App); !strings.Contains(got, "bearer token") {
		t.Errorf("metrics without the token: %s", got)
	}
}

// askAs asks for a page in a form, from behind a proxy.
func (r *reloadable) askAs(path, accept, client string) string {
	r.Helper()
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://"+r.Address().String()+path, nil)
	if err != nil {
		r.Fatal(err)
	}
	request.Close = true
	for name, value := range map[string]string{"Accept": accept, "X-Forwarded-For": client} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	return bodyOf(r.T, request)
}

// The first limits that are shared come with a reload; Redis is asked from then on,
// a cluster among them.
func TestLimitsAreSharedFromAReloadOn(t *testing.T) {
	shared := "limits: [{name: few, key: all, rate: 1/h, burst: 6, scope: shared}]\n"
	for name, address := range map[string]string{"server": redistest.Start(t).Address(), "cluster": redistest.StartCluster(t, 0).Addresses()[0]} {
		t.Run(name, func(t *testing.T) {
			yaml := upstreamOf(t, nothing) + redisAt(address, "")
			one, two := startReloadable(t, yaml), startReloadable(t, yaml)
			one.wantPasses("/", 9)
			one.read(yaml + shared)
			two.read(yaml + shared)
			if got := passes(t, one.App, "/", 4) + passes(t, two.App, "/", 9); got != 6 {
				t.Errorf("%d passed two gates, want 6", got)
			}
			one.wantMetrics(`sessiongate_limit_stand_in_total{limit="few"} 0`)
		})
	}
}

// A Redis that will never do is found before anything is taken over.
func TestAReloadIsRefusedWhereTheRedisOfItsLimitsWillNotDo(t *testing.T) {
	server := redistest.Start(t, redistest.Password("", "hunter2"))
	yaml := upstreamOf(t, nothing) + redisAt(server.Address(), "")
	r := startReloadable(t, yaml)
	log := r.read(yaml + "limits: [{name: few, key: all, rate: 1/h, burst: 6, scope: shared}]\n")
	if !strings.Contains(log, "new configuration cannot be used") || !strings.Contains(log, "password") {
		t.Errorf("it said %s", log)
	}
	r.wantPasses("/", 9)
}

// Who is in the gate leaves where it came in, whatever became of the cap.
func TestPlacesOfCapsAreGivenBackOverReloads(t *testing.T) {
	const one = "concurrency: [{name: all, key: all, max: 1}]\n"
	here, goOn := make(chan struct{}), make(chan struct{})
	upstream := upstreamOf(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			here <- struct{}{}
			<-goOn
		}
	})
	r := startReloadable(t, upstream+one)
	slow := make(chan int, 2)
	begin := func() {
		go func() {
			status, _ := get(t, r.App, "/slow")
			slow <- status
		}()
		<-here
	}
	lockless := "lock: {mode: none}\n"
	begin()
	r.read(upstream + lockless + one)
	r.wantPasses("/", 0) // the one that is in counts on
	r.read(upstream + lockless + strings.Replace(one, "max: 1", "max: 2", 1))
	begin()
	r.wantPasses("/", 0)
	r.read(upstream + lockless)
	r.wantPasses("/", 9)
	r.read(upstream + lockless + one)
	if status, _ := get(t, r.App, "/"); status != http.StatusOK { // another cap than that which was taken away
		t.Errorf("status %d", status)
	}
	close(goOn)
	for range 2 {
		if status := <-slow; status != http.StatusOK {
			t.Errorf("status %d of one that was in", status)
		}
	}
	eventually(t, "all to have left", func() bool { return r.gate.InFlight() == 0 })
	if n := r.limits.set.Cap("all").InFlight(limiter.All); n != 0 {
		t.Errorf("%d left behind", n)
	}
}

// Both stores bound who waits; who does already keeps the place.
func TestBoundsOnWaitingHoldFromAReloadOn(t *testing.T) {
	redis := redistest.Start(t)
	for name, store := range map[string]string{"memory": "", "redis": "store: redis, "} {
		t.Run(name, func(t *testing.T) {
			goOn := make(chan struct{})
			yaml := upstreamOf(t, func(http.ResponseWriter, *http.Request) { <-goOn }) + redisAt(redis.Address(), ", key_prefix: \""+t.Name()+":\"")
			r := startReloadable(t, yaml+"lock: {"+store+"max_waiting_total: 5}\n")
			answers := make(chan int, 2)
			for range 2 {
				go func() {
					status, _ := get(t, r.App, "/")
					answers <- status
				}()
			}
			eventually(t, "one of the two to wait", func() bool { return r.locks.Waiting() == 1 })
			r.read(yaml + "lock: {" + store + "max_waiting_total: 1}\n")
			if status, body := get(t, r.App, "/"); status != http.StatusTooManyRequests || !strings.Contains(body, "total_full") {
				t.Errorf("beyond the new bound: %d %s", status, body)
			}
			close(goOn)
			for range 2 {
				if status := <-answers; status != http.StatusOK {
					t.Errorf("status %d of one that was there before", status)
				}
			}
		})
	}
}

func TestADrainGoesByWhatWasReadLast(t *testing.T) {
	upstream := upstreamOf(t, nothing)
	r := startReloadable(t, upstream)
	r.head = strings.Replace(quiet, "drain_delay: 0s", "drain_delay: 1h", 1)
	r.read(upstream)
	r.head = strings.Replace(quiet, "drain_delay: 0s", "drain_delay: 1ms, drain_timeout: 7s", 1)
	if log := r.read(upstream); !strings.Contains(log, `"keys":["server.drain_delay","server.drain_timeout"]`) {
		t.Error(log)
	}
	if err := r.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if !strings.Contains(r.log.String(), `"delay":1,`) {
		t.Errorf("it drained otherwise:\n%s", r.log)
	}
}

func TestReloadIsNothingAfterClose(t *testing.T) {
	r := startReloadable(t, upstreamOf(t, nothing))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if log := r.read(threeAnHour); log != "" {
		t.Error(log)
	}
}

func TestOperationsPageNamesTheMetricsOfReloads(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"reloads_total{result}", "reload_failed", "last_reload_success_timestamp_seconds", "restart_keys"} {
		if !strings.Contains(string(page), "| `sessiongate_config_"+name+"`") {
			t.Errorf("docs/operations.md has no sessiongate_config_%s", name)
		}
	}
}
