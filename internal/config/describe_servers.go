package config

// servers says how one of several servers is chosen, and when it is out. Of a
// single one there is nothing to choose, and it is used though it is out.
func (d *description) servers(u *Upstream) {
	if len(u.Servers) > 1 {
		chosen := map[Balance]string{
			BalanceLeastInFlight: "the server with the fewest requests in flight",
			BalanceRoundRobin:    "one server after the other",
			BalanceSession:       "the same server for the same session, and without a session the one with the fewest requests in flight",
		}
		d.line("  Chooses %s.", chosen[u.Balance])
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

func each(u *Upstream) string {
	if len(u.Servers) > 1 {
		return "each server"
	}
	return "its server"
}
