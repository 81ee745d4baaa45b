package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"
)

const (
	tortureGates = 3
	// tortureTTL is the shortest that there is: what a killed gate held is stuck for so long.
	tortureTTL = 3 * time.Second
)

// torture has clients count on sessions through three gates while gates are
// killed and started again and their connections to Redis are cut, frozen,
// refused and robbed of replies, all at random, now and then for longer than a
// lease lasts. What is lost is what has run
// less what the counters say.
//
// A gate whose lease is lost while its request runs counts it
// (sessiongate_lease_lost_total), and that many updates may be lost. Nothing
// else is excused: not what a killed gate held either, since its leases outlive
// the requests that it had under way. Its count is read just before it is
// killed; what it would have counted after that is missing, which makes the
// bound stricter. While Redis is away a gate refuses (on_store_failure: closed).
func torture(ctx context.Context, s *stand) ([]figure, error) {
	seed := s.plan.seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	s.progress("-seed %d", seed)
	own, err := s.tortureLedger(ctx, seed)
	if err != nil {
		return own, fmt.Errorf("-seed %d: %w", seed, err)
	}
	php, err := s.torturePHP(ctx, seed)
	if err != nil {
		err = fmt.Errorf("-seed %d: %w", seed, err)
	}
	return append(own, php...), err
}

// tortureLedger counts in the ledger, which also knows overlaps and fences.
func (s *stand) tortureLedger(ctx context.Context, seed uint64) ([]figure, error) {
	l, err := s.startLedger(ctx)
	if err != nil {
		return nil, err
	}
	t, err := s.startTorture(ctx, httpUpstream(l.address), seed)
	if err != nil {
		return nil, err
	}
	err = t.run(ctx, s.plan.tortureCounts, func(session string) []byte { return get("/?ms=1", session) })
	books, failed := l.audit(ctx)
	excused, unread := t.leasesLost(ctx)
	if err = errors.Join(err, failed, unread); err != nil {
		return nil, err
	}
	s.progress("%d runs, %s", books.runs, t.said(excused))
	of := fmt.Sprintf("of %d; %d leases counted as lost", books.runs, excused)
	with := t.said(excused)
	return []figure{
		held("torture: updates lost beyond leases that were counted as lost", beyond(books.runs-books.value, excused), 0, of, with),
		held("torture: requests of a session at the same time, beyond the same", beyond(books.overlaps, excused), 0, of, with),
		held("torture: fences at the backend that do not rise, beyond the same", beyond(books.stale, excused), 0, of, with),
		held("torture: requests without a fence", float64(books.unfenced), 0, of, with),
		held("torture: answers that are neither 200 nor 503, and requests without an answer for 30 s", float64(t.strange.Load()), 0, of, with),
	}, nil
}

// torturePHP does the same in front of php-fpm, with its sessions in files that
// nobody locks. What has run says the page's journal.
func (s *stand) torturePHP(ctx context.Context, seed uint64) ([]figure, error) {
	pool, err := s.startPHP(ctx, s.unlockedSessions())
	if err != nil {
		return nil, err
	}
	t, err := s.startTorture(ctx, phpUpstream(pool), seed)
	if err != nil {
		return nil, err
	}
	journal := filepath.Join(s.dir, "torture-journal")
	page := "/counter.php?ms=1&journal=" + journal
	err = t.run(ctx, s.plan.torturePHPCounts, func(session string) []byte { return get(page, session) })
	ran := marks(journal, "begin")
	value, failed := t.counters(ctx, "/counter.php")
	excused, unread := t.leasesLost(ctx)
	if err = errors.Join(err, failed, unread); err != nil {
		return nil, err
	}
	s.progress("php-fpm: %d runs, %s", ran, t.said(excused))
	return []figure{
		held("torture, php-fpm: updates lost beyond leases that were counted as lost", beyond(ran-value, excused), 0,
			fmt.Sprintf("of %d; %d leases counted as lost", ran, excused), t.said(excused)),
	}, nil
}

// beyond is how much more was lost than is excused.
func beyond(lost, excused int) float64 { return float64(max(lost-excused, 0)) }
