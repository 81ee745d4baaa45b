package demo

import (
	"cmp"
	"slices"
	"time"
)

// outcome is what one measurement found.
type outcome struct {
	session []visit   // in the order in which they were sent
	users   [][]visit // by user
	lost    int       // updates of the session that no later one has seen
}

// took is the time until the session's last request was answered.
func (o outcome) took() time.Duration {
	return slices.MaxFunc(o.session, func(a, b visit) int { return cmp.Compare(a.ended, b.ended) }).ended
}

// felt gives the median and the worst answer time of the other users.
func (o outcome) felt() (median, worst time.Duration) {
	var times []time.Duration
	for _, v := range slices.Concat(o.users...) {
		times = append(times, v.ended-v.sent)
	}
	if len(times) == 0 {
		return 0, 0
	}
	slices.Sort(times)
	return times[len(times)/2], times[len(times)-1]
}

// slowest is the visit that took longest.
func slowest(visits []visit) (visit, bool) {
	if len(visits) == 0 {
		return visit{}, false
	}
	return slices.MaxFunc(visits, func(a, b visit) int { return cmp.Compare(a.ended-a.sent, b.ended-b.sent) }), true
}
