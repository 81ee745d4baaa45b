package config

import "testing"

// Whoever sends both is put in order by the header alone: a client could leave the
// line of its cookie by a header that only it needs to know of.
func TestAHeaderBesideACookieIsWarnedOf(t *testing.T) {
	const (
		meaning = `: the header X-Api is looked at before the cookie SID, for all paths: whoever sends both is put in order by the header alone, and with another one each time is in no line of the cookie's session; ` +
			`say the header by a rule for the API's paths, with session: {cookie: "", header: X-Api}`
		inAll    = "session.header" + meaning
		byHeader = "upstreams[0].session.header" + meaning
		byCookie = "upstreams[0].session.cookie" + meaning
	)
	no, sid, api := "", "SID", "X-Api"
	names := func(cookie, header *string) SessionNames { return SessionNames{Cookie: cookie, Header: header} }
	for _, tt := range []struct {
		name           string
		cookie, header string
		upstreams      []SessionNames
		rule           SessionNames
		want           string
	}{
		{name: "a cookie", cookie: sid},
		{name: "a header", header: api},
		{name: "both, for two upstreams", cookie: sid, header: api, upstreams: []SessionNames{{}, {}}, want: inAll},
		{name: "both, and no upstream takes it so", cookie: sid, header: api, upstreams: []SessionNames{names(nil, &no), names(&no, nil)}},
		{name: "an upstream with both", upstreams: []SessionNames{names(&sid, &api)}, want: byHeader},
		{name: "an upstream's header", cookie: sid, upstreams: []SessionNames{names(nil, &api)}, want: byHeader},
		{name: "an upstream's header in place of the cookie", cookie: sid, upstreams: []SessionNames{names(&no, &api)}},
		{name: "an upstream's cookie", header: api, upstreams: []SessionNames{names(&sid, nil)}, want: byCookie},
		{name: "a rule's header", cookie: sid, rule: names(nil, &api)},
	} {
		cfg := Config{Session: Session{Cookie: tt.cookie, Header: tt.header}, Rules: []Rule{{Session: tt.rule}}, Upstreams: []Upstream{{}}}
		if tt.upstreams != nil {
			cfg.Upstreams = nil
		}
		for _, own := range tt.upstreams {
			cfg.Upstreams = append(cfg.Upstreams, Upstream{Session: own})
		}
		if got := SessionWarnings(&cfg).Error(); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}
