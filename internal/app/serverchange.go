package app

import (
	"slices"

	"github.com/sessiongate/sessiongate/internal/config"
)

// serverChange is what a reload has changed of upstreams and servers. Servers are
// named with their upstream: "php 10.0.0.1:9000".
type serverChange struct {
	upstreamsNew, upstreamsGone []string
	upstreamsReplaced           []string // whose application is another
	serversNew, serversGone     []string
}

func serverChangeOf(before, now *config.Config) serverChange {
	was, is := serverNames(before), serverNames(now)
	c := serverChange{
		upstreamsNew: lacking(is.upstreams, was.upstreams), upstreamsGone: lacking(was.upstreams, is.upstreams),
		serversNew: lacking(is.servers, was.servers), serversGone: lacking(was.servers, is.servers),
	}
	for i := range now.Upstreams {
		for j := range before.Upstreams {
			if u, other := &now.Upstreams[i], &before.Upstreams[j]; u.Name == other.Name && !applicationOf(other).equal(u) {
				c.upstreamsReplaced = append(c.upstreamsReplaced, u.Name)
			}
		}
	}
	return c
}

type namesOfServers struct{ upstreams, servers []string }

func serverNames(c *config.Config) (n namesOfServers) {
	for i := range c.Upstreams {
		u := &c.Upstreams[i]
		n.upstreams = append(n.upstreams, u.Name)
		for _, address := range addressesOf(u) {
			n.servers = append(n.servers, u.Name+" "+address)
		}
	}
	return n
}

// lacking lists those that others have not.
func lacking(names, others []string) (list []string) {
	for _, name := range names {
		if !slices.Contains(others, name) {
			list = append(list, name)
		}
	}
	return list
}
