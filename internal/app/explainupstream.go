package app

import (
	"fmt"
	"strconv"

	"github.com/sessiongate/sessiongate/internal/config"
)

// upstreamSettings lists what an upstream has a request wait for, and what it
// answers by itself; nothing of an upstream that has neither.
func upstreamSettings(c *config.Config, name string) []Setting {
	place, u := upstreamNamed(c, name)
	var list []Setting
	if u.Protocol == config.ProtocolFastCGI && u.Script != config.ScriptFront {
		list = append(list, Setting{Key: "script", Value: string(u.Script), From: place + ".script"})
	}
	if u.Files {
		list = append(list, Setting{Key: "files", Value: strconv.FormatBool(true), From: place + ".files"})
	}
	if u.BoundsSlots() {
		list = append(list,
			Setting{Key: "max_in_flight", Value: u.SlotsInWords(), From: place + ".servers"},
			Setting{Key: "max_in_flight_per_client", Value: bound(u.MaxInFlightPerClient), From: place + ".max_in_flight_per_client"},
			Setting{Key: "queue.max", Value: bound(u.Queue.Max), From: place + ".queue.max"})
	}
	return list
}

func upstreamNamed(c *config.Config, name string) (place string, u *config.Upstream) {
	for i := range c.Upstreams {
		if c.Upstreams[i].Name == name {
			return fmt.Sprintf("upstreams[%d]", i), &c.Upstreams[i]
		}
	}
	return "", &config.Upstream{}
}
