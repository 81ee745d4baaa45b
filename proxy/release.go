package proxy

import (
	"net/http"
	"strings"
	"time"
)

// ControlHeader is the response header with which PHP says when its turn may
// end. It never reaches the client.
const ControlHeader = "X-Sessiongate"

// orders is what an answer's control header says.
type orders struct {
	release bool          // the session is closed: release at once
	hold    time.Duration // go on holding for so long after the end
}

// readOrders reads "release" and "hold=<duration>", in any number of lines or
// separated by commas. Where an answer asks for both, it is held: that is the
// side on which no update is lost. What cannot be read is returned as bad.
func readOrders(h http.Header) (o orders, bad string) {
	for _, line := range h[ControlHeader] {
		for word := range strings.SplitSeq(line, ",") {
			word = strings.TrimSpace(word)
			value, isHold := strings.CutPrefix(word, "hold=")
			switch {
			case word == "release":
				o.release = true
			case isHold:
				d, err := time.ParseDuration(value)
				if err != nil || d < 0 {
					bad = word
					continue
				}
				o.hold = max(o.hold, d)
			default:
				bad = word
			}
		}
	}
	if o.hold > 0 {
		o.release = false
	}
	return o, bad
}
