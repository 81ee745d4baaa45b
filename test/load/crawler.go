package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	crawlRate      = 200 // requests a second
	crawlPage      = "/slow.php?ms=200"
	crawlAddresses = 200 // of a crawler with many
	crawlLow       = "name: crawlers, match: {bot: true, session: false}, priority: low"
	crawlLimit     = crawlLow + ", limits: [{key: rule, rate: 5/s, burst: 10}]"
)

// crawl measures other clients beside a crawler without cookies that asks for
// four times as much as PHP can do, and does not mind being refused.
func crawl(ctx context.Context, s *stand) ([]figure, error) {
	pool, err := s.startPHP(ctx, s.unlockedSessions())
	if err != nil {
		return nil, err
	}
	ways := []struct {
		name      string
		addresses int
		rule      string
		held      bool
	}{
		{"one address, low priority", 1, crawlLow, true},
		{"200 addresses, low priority, 5/s by rule", crawlAddresses, crawlLimit, true},
		{"200 addresses, low priority", crawlAddresses, crawlLow, false},
	}
	var figures []figure
	for i, way := range ways {
		if i > 0 && s.plan.quick {
			break // the first says enough
		}
		c := &crawler{addresses: way.addresses, answers: map[int]int{}}
		n := neighbours{
			config: gateConfig{server: behindProxy, upstream: boundedUpstream(pool, slots, slotsPerClient), rules: way.rule},
			rounds: min(s.plan.rounds, s.plan.neighbourRounds),
			load:   c.run,
			said: fmt.Sprintf("crawler, addresses: %d, %d/s × %s; max_in_flight: %d, max_in_flight_per_client: %d; rule {%s}",
				way.addresses, crawlRate, crawlPage, slots, slotsPerClient, way.rule),
		}
		if !way.held {
			n.rounds = min(2, n.rounds)
		}
		f, err := n.measure(ctx, s)
		if err != nil {
			return figures, err
		}
		f.Name = fmt.Sprintf("crawler, %s: others' p%d beside it / alone", way.name, s.plan.abusePercentile)
		f.Of += c.said()
		if way.held {
			f = f.within(s.plan.crawlBound)
		}
		figures = append(figures, f)
	}
	return figures, nil
}

// crawler sends a request every few milliseconds, on a connection each, whatever
// becomes of those before.
type crawler struct {
	addresses int

	mu      sync.Mutex
	answers map[int]int // by status
}

func (c *crawler) run(ctx context.Context, g *gate, atWork func()) error {
	tick := time.NewTicker(time.Second / crawlRate)
	defer tick.Stop()
	var all sync.WaitGroup
	defer all.Wait()
	var mu sync.Mutex
	var failed []error
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			all.Wait()
			return errors.Join(failed...)
		case <-tick.C:
		}
		if n == crawlRate {
			atWork() // for a second already
		}
		request := from(fmt.Sprintf("198.51.100.%d", 1+n%c.addresses), crawlerGet)
		all.Go(func() {
			if err := c.ask(ctx, g.address, request); err != nil && ctx.Err() == nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
			}
		})
	}
}

// crawlerGet is a request as a known crawler sends it.
var crawlerGet = []byte("GET " + crawlPage + " HTTP/1.1\r\nHost: shop.example\r\n" +
	"User-Agent: Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)\r\nAccept: */*\r\n\r\n")

// ask sends one request. To be refused is part of it.
func (c *crawler) ask(ctx context.Context, address string, request []byte) error {
	conn, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer conn.close()
	if err := conn.send(request); err != nil {
		return err
	}
	got, err := conn.receiveAny()
	if err != nil {
		return err
	}
	switch got.status {
	case http.StatusOK, http.StatusTooManyRequests, http.StatusServiceUnavailable:
	default:
		return fmt.Errorf("the crawler was answered %d: %s", got.status, got.body)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[got.status]++
	return nil
}

func (c *crawler) said() string {
	return fmt.Sprintf("; the crawler got %d pages, %d × 429, %d × 503",
		c.answers[http.StatusOK], c.answers[http.StatusTooManyRequests], c.answers[http.StatusServiceUnavailable])
}
