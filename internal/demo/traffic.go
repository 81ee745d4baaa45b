package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// scenario is the traffic of one measurement.
type scenario struct {
	requests int           // of the one session, sent apart by gap
	work     time.Duration // of each of them
	users    int           // others, each with a session of their own
	page     time.Duration // work of the page that they read
	every    time.Duration // a user asks for a page so often, answered or not
}

// gap keeps the session's requests in the order in which they are counted.
const gap = 3 * time.Millisecond

// visitLimit bounds one request.
const visitLimit = 30 * time.Second

// visit is one request. Times are since the start of the measurement.
type visit struct{ sent, began, ended time.Duration }

// measure sends the traffic: the session's requests at once, and the others'
// pages until the last of those has been answered.
func (s scenario) measure(ctx context.Context, base string) (outcome, error) {
	t := newTraffic(ctx, base)
	defer t.close()
	session, users := rand.Text(), make([]string, s.users)
	first := t.counter(session, 0) // opens what only the first request needs, such as the session
	for i := range users {
		users[i] = rand.Text()
		t.counter(users[i], 0)
	}
	t.start = time.Now()
	o := outcome{session: make([]visit, s.requests), users: make([][]visit, s.users)}
	burst := make(chan struct{})
	var browsing sync.WaitGroup
	browsing.Go(func() { s.browse(t, users, o.users, burst) })
	s.send(t, session, o.session)
	close(burst)
	browsing.Wait()
	last := t.counter(session, 0)
	o.lost = s.requests - (last - first - 1)
	return o, t.failed()
}

// send sends the session's requests and returns when all are answered.
func (s scenario) send(t *traffic, session string, visits []visit) {
	tick := time.NewTicker(gap)
	defer tick.Stop()
	var sending sync.WaitGroup
	for i := range visits {
		sending.Go(func() { visits[i], _ = t.visit(session, s.work) })
		if !t.next(tick, nil) {
			break
		}
	}
	sending.Wait()
}

// browse asks for a page for one user after the other, whether or not the
// previous ones are answered: people do not wait for each other.
func (s scenario) browse(t *traffic, users []string, visits [][]visit, until <-chan struct{}) {
	tick := time.NewTicker(s.every / time.Duration(len(users)))
	defer tick.Stop()
	var mu sync.Mutex
	var asking sync.WaitGroup
	defer asking.Wait()
	for i := 0; t.next(tick, until); i++ {
		user := i % len(users)
		asking.Go(func() {
			v, _ := t.visit(users[user], s.page)
			mu.Lock()
			defer mu.Unlock()
			visits[user] = append(visits[user], v)
		})
	}
}

// traffic sends requests until the first that fails.
type traffic struct {
	ctx    context.Context // ends with the first failure, which is its cause
	fail   context.CancelCauseFunc
	client *http.Client
	base   string
	start  time.Time
}

func newTraffic(ctx context.Context, base string) *traffic {
	ctx, fail := context.WithCancelCause(ctx)
	return &traffic{ctx: ctx, fail: fail, base: base, client: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 2 * MaxRequests},
		Timeout:   visitLimit,
	}}
}

// failed is why no more is sent; nil while nothing failed.
func (t *traffic) failed() error { return context.Cause(t.ctx) }

func (t *traffic) close() {
	t.fail(nil)
	t.client.CloseIdleConnections()
}

// next waits for the tick; false means that it is over.
func (t *traffic) next(tick *time.Ticker, until <-chan struct{}) bool {
	select {
	case <-tick.C:
		return true
	case <-until:
		return false
	case <-t.ctx.Done():
		return false
	}
}

// counter adds one to a session's counter and returns it.
func (t *traffic) counter(session string, work time.Duration) int {
	_, n := t.visit(session, work)
	return n
}

func (t *traffic) visit(session string, work time.Duration) (visit, int) {
	v, n, err := t.request(session, work)
	if err != nil {
		t.fail(err)
	}
	return v, n
}

func (t *traffic) request(session string, work time.Duration) (v visit, n int, err error) {
	url := fmt.Sprintf("%s/counter.php?ms=%d", t.base, work.Milliseconds())
	r, err := http.NewRequestWithContext(t.ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return v, 0, err
	}
	r.AddCookie(&http.Cookie{Name: cookieName, Value: session})
	v.sent = time.Since(t.start)
	resp, err := t.client.Do(r)
	if err != nil {
		return v, 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil {
		return v, 0, fmt.Errorf("GET %s: %w", url, err)
	}
	v.ended = time.Since(t.start)
	if resp.StatusCode != http.StatusOK {
		return v, 0, fmt.Errorf("GET %s: %s: %s", url, resp.Status, firstLine(body))
	}
	began, err := strconv.ParseFloat(resp.Header.Get(beganHeader), 64)
	if err != nil {
		return v, 0, fmt.Errorf("GET %s: header %s: %w", url, beganHeader, err)
	}
	// Two clocks, though of one machine: the wall clock is held to what must be.
	v.began = min(max(time.UnixMicro(int64(began*1e6)).Sub(t.start.Round(0)), v.sent), v.ended)
	if n, err = strconv.Atoi(strings.TrimSpace(string(body))); err != nil {
		return v, 0, fmt.Errorf("GET %s: not a counter: %s", url, firstLine(body))
	}
	return v, n, nil
}

func firstLine(body []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	return strconv.Quote(line)
}
