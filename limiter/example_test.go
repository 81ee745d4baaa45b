package limiter_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/sessiongate/sessiongate/limiter"
)

// request is what a program knows of a request when it asks.
type request struct {
	client    netip.Addr
	userAgent string
}

// key makes the key that a limit's word asks for.
func (r request) key(word string) limiter.Key {
	switch word {
	case "client":
		return limiter.ClientKey(r.client)
	case "user_agent":
		return limiter.TextKey(r.userAgent).From(r.client)
	default:
		return limiter.All.From(r.client)
	}
}

// A program makes the set from its configuration, works out once for each of its
// rules which limits apply, and then asks once a request.
func ExampleSet() {
	set, err := limiter.New(limiter.Options{
		Limits: []limiter.Limit{
			{Name: "per-client", Key: "client", Rate: 50, Burst: 3, Enforce: true},
			{Name: "tool", Key: "user_agent", Rate: 1. / 60, Burst: 2, Enforce: true},
			{Name: "everybody", Key: "all", Rate: 1000, Burst: 1}, // in the shadow
		},
		Concurrency: []limiter.Concurrency{
			{Name: "per-client", Key: "client", Max: 64, Enforce: true},
		},
		Keys: 50000,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	applying := []*limiter.Limiter{set.Limiter("per-client"), set.Limiter("tool"), set.Limiter("everybody")}

	now := time.Now()
	r := request{client: netip.MustParseAddr("192.0.2.7"), userAgent: "curl/8.5.0"}
	for range 3 {
		asks := make([]limiter.Ask, len(applying))
		for i, l := range applying {
			asks[i] = limiter.Ask{Limiter: l, Key: r.key(l.Limit().Key)}
		}
		passes := set.Take(context.Background(), now, asks)
		for i := range asks {
			if asks[i].WouldRefuse() {
				fmt.Println("would be refused by", asks[i].Limiter.Limit().Name)
			}
		}
		fmt.Printf("RateLimit: %s\n", limiter.AppendQuotas(nil, asks))
		if !passes {
			refusal := limiter.Refusal(asks)
			fmt.Printf("RateLimit-Policy: %s\n", limiter.AppendPolicies(nil, asks))
			fmt.Println("429 for", refusal.Limiter.Limit().Name, "Retry-After:", refusal.Decision.RetryAfter)
			continue
		}
		leave, full := limiter.Enter([]limiter.Place{{Cap: set.Cap("per-client"), Key: r.key("client")}})
		if full != nil {
			fmt.Println("429 for", full.Cap.Concurrency().Name)
			continue
		}
		fmt.Println("forwarded")
		leave()
	}

	// Output:
	// RateLimit: "per-client";r=2;t=1, "tool";r=1;t=60
	// forwarded
	// would be refused by everybody
	// RateLimit: "per-client";r=1;t=1, "tool";r=0;t=60
	// forwarded
	// would be refused by everybody
	// RateLimit: "per-client";r=1;t=1, "tool";r=0;t=60
	// RateLimit-Policy: "per-client";q=3;w=1, "tool";q=2;w=120
	// 429 for tool Retry-After: 1m0s
}
