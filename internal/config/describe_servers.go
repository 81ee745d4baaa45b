package config

import "strings"

// servers says how one of several servers is chosen, and when it is out. Of a
// single one there is nothing to choose, and it is used though it is out.
func (d *description) servers(u *Upstream) {
	if len(u.Servers) > 1 {
		chosen := map[Balance]string{
			BalanceLeastInFlight: "the server with the fewest requests in flight",
			BalanceRoundRobin:    "one server after the other",
			BalanceSession:       "the same server for the same session" + only(u.BoundsSlots(), " while it has a free slot") + ", and without a session the one with the fewest requests in flight",
		}
		d.line("  Chooses %s.", chosen[u.Balance])
	}
	if u.BoundsSlots() {
		d.line("  In flight at once: %s; %s of one client. Waiting for a slot: %s.", u.SlotsInWords(), count(u.MaxInFlightPerClient), count(u.Queue.Max))
	}
	if slots, _ := u.slots(); slots > 0 {
		d.line("  Beyond these on each server, for each level of requests that the application sends to its own site: %d.", u.LoopbackReserve)
	}
	h := u.Health
	switch {
	case h.Path != "":
		d.line("  Asks %s for %s every %s; failures in a row until it is out: %d, successes until it is in again: %d.",
			each(u), h.Path, formatDuration(h.Interval), h.Fall, h.Rise)
	case len(u.Servers) > 1:
		d.line("  Failed connections in a row until a server is out: %d; it is then tried every %s, successes until it is in again: %d.",
			h.Fall, formatDuration(h.Interval), h.Rise)
	}
}

// BoundsSlots says whether requests may have to wait for a slot.
func (u *Upstream) BoundsSlots() bool {
	slots, _ := u.slots()
	return slots > 0 || u.MaxInFlightPerClient > 0
}

// slots is how many slots the servers with a bound have together, and whether all
// servers have one.
func (u *Upstream) slots() (sum int, all bool) {
	all = true
	for _, s := range u.Servers {
		sum += s.MaxInFlight
		all = all && s.MaxInFlight > 0
	}
	return sum, all
}

// SlotsInWords is the bound of each server.
func (u *Upstream) SlotsInWords() string {
	if len(u.Servers) == 1 {
		return count(u.Servers[0].MaxInFlight)
	}
	words := make([]string, len(u.Servers))
	for i, s := range u.Servers {
		words[i] = count(s.MaxInFlight) + " on " + s.Address
	}
	return strings.Join(words, ", ")
}

func each(u *Upstream) string {
	if len(u.Servers) > 1 {
		return "each server"
	}
	return "its server"
}
