package proxy

import (
	"net/http"

	"github.com/sessiongate/sessiongate/internal/clientip"
	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/lockstore"
)

// Explanation is what the gate would do with a request, and why.
type Explanation struct {
	Path     string          // as rules see it; "" where they are not asked
	Others   []rules.Reading // how else it reads, behind other index scripts
	Client   clientip.Client
	Session  lockstore.Key // of the policy's line; zero: no session
	Policy   *rules.Policy // nil where rules are not asked
	Verdicts []rules.Verdict
	Refusal  *Refusal // what would be answered at once; nil: the request goes on
}

// Explain takes a request through the stages up to key as ServeHTTP does, and
// no further: nothing is counted as a request, locked, read or sent. Of the
// gate's parts it needs Keys, of its setup Rules, Upstreams and Clients. The
// request's header may be changed.
func (g *Gate) Explain(r *http.Request) *Explanation {
	oneReading(r)
	x := &exchange{gate: g, r: r, record: &record{gate: g, setup: g.enter()}}
	defer x.leave()
	x.read()
	e := &Explanation{Client: x.client}
	if err := x.decide(); err != nil {
		e.Refusal = asRefusal(err)
	}
	if x.policy == nil {
		return e
	}
	request, _ := x.ruleRequest() // it went well in decide
	e.Path, e.Others = request.Path, request.Others
	e.Policy, e.Verdicts = x.setup.Rules.Explain(&request)
	if id, ok := x.sessionID(e.Policy.Cookie, e.Policy.Header); ok {
		e.Session = g.Keys.Key(id, e.Policy.LockGroup)
	}
	return e
}
