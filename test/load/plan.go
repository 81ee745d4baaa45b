package main

import "time"

// plan says how much is measured, and against which bounds.
type plan struct {
	rounds int
	quick  bool // nothing is built or started that scripts/test-deps does not install
	// profile is the beginning of the names of CPU profiles; "" takes none.
	profile string

	// redisTimeout is redis.timeout of gates that must not take a machine that
	// stands still for a moment for a Redis that is away; 0: the default.
	redisTimeout time.Duration

	orderBound    float64
	overtakeBound float64 // requests of all rounds

	spreadTimeBound     float64
	spreadOvertakeBound float64 // requests of all rounds

	handOvers      int // a round
	roundTripBound float64

	seed                                          uint64 // of torture; 0: a random one
	tortureCounts, torturePHPCounts, tortureKills int
	tortureClients, tortureSessions               int
	tortureCalm                                   time.Duration // the most between two faults

	poolWaiting    int
	poolPhase      time.Duration
	poolPercentile int
	poolBound      float64

	outageRounds int
	outagePhase  time.Duration

	crashRounds int
	crashTTL    time.Duration

	limitPhase time.Duration
	limitBurst int
	limitBound float64 // percent

	restarts int // of each server that is rolled

	abusePhase      time.Duration
	abusePercentile int
	abuseBound      float64
	// leastTail is what the tail of visitors that nobody is beside counts for at least.
	leastTail time.Duration

	neighbourRounds            int // at most
	admissionBound, crawlBound float64

	slowClients int
	slowBound   float64

	readerRate  int64 // bytes a second, of the client that reads slowly
	readerBound float64

	relays                 int     // answers each, a round
	relayLater, relayBound float64 // µs; of the whole answer

	streamPhase, eventEvery time.Duration
	streamSize, uploadRate  int64
	downloadRate            int64
	eventBound              float64 // ms; what waits for the next one is an interval late
	pageBound               float64

	clients int // that vanish

	cpuClients, httpRequests, phpRequests int
	httpBound, fastCGIBound               float64
}

// fullPlan is what the figures in docs/benchmarks.md are taken with. The bounds
// are those that the project promises.
func fullPlan() plan {
	return plan{
		rounds:     9,
		orderBound: 1.03, spreadTimeBound: 1.08,
		handOvers: 500, roundTripBound: 1.2,
		tortureCounts: 190000, torturePHPCounts: 10000, tortureKills: 20,
		tortureClients: 32, tortureSessions: 24, tortureCalm: time.Second,
		poolWaiting: 10000, poolPhase: 5 * time.Second, poolPercentile: 99, poolBound: 2,
		outageRounds: 3, outagePhase: 3 * time.Second,
		crashRounds: 3, crashTTL: 10 * time.Second,
		restarts:   10,
		limitPhase: 10 * time.Second, limitBurst: 100, limitBound: 2,
		abusePhase: 10 * time.Second, abusePercentile: 99, abuseBound: 1.15,
		neighbourRounds: 9, admissionBound: 2, crawlBound: 1.5,
		slowClients: 5000, slowBound: 1.2,
		readerRate: 1 << 20, readerBound: 1.5,
		relays: 50, relayLater: 100, relayBound: 1.15,
		streamPhase: time.Minute, eventEvery: time.Second,
		streamSize: 1 << 30, uploadRate: 64 << 20, downloadRate: 4 << 20,
		eventBound: 500, pageBound: 1.5,
		clients:    1000,
		cpuClients: 8, httpRequests: 12000, phpRequests: 4000,
		httpBound: 1.1, fastCGIBound: 0.6,
	}
}

// quickPlan fits into a test run beside other work. It finds what is broken,
// not what has become a little worse: a time beyond its bound is taken once more.
func quickPlan() plan {
	p := fullPlan()
	p.rounds, p.quick = 3, true
	p.redisTimeout = 2 * time.Second // below a quarter of a lease's length
	// Between reading a request and taking its ticket the gate may lose the
	// processor to other work; the next request can then be first.
	p.orderBound, p.overtakeBound = 1.25, 5
	p.handOvers, p.roundTripBound = 200, 1.5 // the second would make it 2
	p.tortureCounts, p.torturePHPCounts, p.tortureKills = 4500, 500, 1
	p.tortureCalm = 300 * time.Millisecond
	// If the machine stands still once, every session has a slow request then: one of 100.
	p.poolWaiting, p.poolPhase, p.poolPercentile, p.poolBound = 2000, 1*time.Second, 90, 20
	p.outageRounds, p.outagePhase = 1, 600*time.Millisecond
	p.crashRounds, p.crashTTL = 1, 5*time.Second
	p.spreadTimeBound, p.spreadOvertakeBound = 2.5, 60 // of 150: with a polled lock 90 are
	p.restarts = 1
	// The burst is what comes while nobody asks: that of a second.
	p.limitPhase, p.limitBurst, p.limitBound = time.Second, 1000, 20
	// Of 80 requests the 99th percentile is the slowest one: chance.
	p.abusePhase, p.abusePercentile, p.abuseBound = 2*time.Second, 90, 2
	// It is 7 ms, and as much again is soon lost beside other work. Who waits for a
	// page of somebody else's waits for 200.
	p.leastTail = 25 * time.Millisecond
	p.neighbourRounds, p.admissionBound, p.crawlBound = 2, 4, 4
	p.slowClients, p.slowBound = 500, 2
	// At its usual rate a client would have read too much after a few seconds in
	// which PHP has no processor, or the disk no time.
	p.readerRate, p.downloadRate = 64<<10, 64<<10
	p.readerBound = 3
	p.relays, p.relayLater, p.relayBound = 10, 5000, 3
	p.streamPhase, p.eventEvery = 2*time.Second, 200*time.Millisecond
	p.streamSize, p.uploadRate = 64<<20, 32<<20
	p.eventBound, p.pageBound = 1000, 5
	p.httpRequests, p.phpRequests = 4000, 1600
	p.httpBound, p.fastCGIBound = 1.5, 1
	return p
}
