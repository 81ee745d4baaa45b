package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Describe says in words what a gate with this configuration would serve.
func Describe(cfg *Config) string {
	d := &description{}
	d.listeners(cfg)
	d.sessions(cfg)
	d.enforced(cfg)
	d.lines(cfg.Lock)
	d.loopback(cfg)
	d.redis(cfg)
	d.limits(cfg)
	d.bodies(cfg)
	d.upgrades(cfg)
	if cfg.Refusals.PageFile != "" {
		d.line("Shows people whom it refuses the page %s.", cfg.Refusals.PageFile)
	}
	for i := range cfg.Upstreams {
		d.upstream(&cfg.Upstreams[i], i == 0)
	}
	d.rules(cfg)
	return d.text.String()
}

type description struct{ text strings.Builder }

func (d *description) line(format string, args ...any) {
	fmt.Fprintf(&d.text, format+"\n", args...)
}

func (d *description) listeners(cfg *Config) {
	d.line("Listens on %s%s; metrics and health on %s%s.", cfg.Server.Listen, withTLS(cfg.Server.TLS), cfg.Admin.Listen, withToken(cfg.Admin))
	d.line("Connections at once: %s.", count(cfg.Server.MaxConnections))
	if cfg.Server.ReadyPath != "" {
		d.line("Answers readiness on %s of the main listener too.", cfg.Server.ReadyPath)
	}
	if len(cfg.Server.TrustedProxies) == 0 {
		d.line("Takes the peer's address as the client's: no proxy is trusted.")
		return
	}
	d.line("Believes the forwarding headers of %s.", networks(cfg.Server.TrustedProxies))
	if cfg.Server.ProxyProtocol {
		d.line("Expects the PROXY protocol from these, and from nobody else.")
	}
}

func withTLS(tls ServerTLS) string {
	if tls.CertFile == "" {
		return ""
	}
	return " with TLS and HTTP/2"
}

func withToken(a Admin) string {
	if a.TokenFile == "" && a.Token == "" {
		return ""
	}
	return ", with a token"
}

func (d *description) sessions(cfg *Config) {
	s := cfg.Session
	where := "the cookie " + s.Cookie
	switch {
	case s.Cookie == "":
		where = "the header " + s.Header
	case s.Header != "":
		where = "the header " + s.Header + ", or else in " + where
	}
	hashed := "unkeyed"
	if s.Key != "" || s.KeyFile != "" {
		hashed = "with a secret"
	}
	d.line("Finds the session id in %s; ids are hashed %s.", where, hashed)
}

func (d *description) lines(l Lock) {
	store := "in this gate alone (store: memory)"
	if l.Store == StoreRedis {
		store = "over all gates (store: redis)"
	}
	switch l.Mode {
	case ModeExclusive:
		d.line("Runs one request of a session at a time, %s.", store)
	case ModeBarrier:
		d.line("Lets requests of a session run after those before them, but without a turn (barrier), %s.", store)
	case ModeNone:
		d.line("Does not put requests in order (mode: none), except where a rule says so, %s.", store)
	}
	if l.Busy == BusyReject {
		d.line("Refuses a request with 429 at once when its session is busy.")
	}
	d.line("Waiting at once: %s of one session, %s of one client, %s in all.", count(l.MaxWaiting), count(l.MaxWaitingPerClient), count(l.MaxWaitingTotal))
	then := ", then it is refused with 429"
	if l.OnWaitTimeout == TimeoutForward {
		then = ", then it runs without its turn"
	}
	d.line("A request waits %s%s.", atMostFor(l.WaitTimeout), only(l.WaitTimeout > 0, then))
	if l.OnIDChange == IDChangeRedirect {
		d.line("A request that waits while its session gets another id is redirected to where it is, to come with that.")
	}
	if l.OnClientGone == ClientGoneRun {
		d.line("A request whose client leaves while it waits runs all the same.")
	}
	d.line("A turn lasts %s and ends %s.", atMostFor(l.MaxHold), releaseMoment(l.ReleaseOn, l.ReleaseDelay))
}

// loopback says nothing where no request needs a turn.
func (d *description) loopback(cfg *Config) {
	if cfg.Lock.Mode == ModeNone && len(cfg.Rules) == 0 {
		return
	}
	d.line("What the application sends to its own site with its token%s runs under the turn of the request that waits for it; one in another: %s.",
		only(len(cfg.Server.LoopbackFrom) > 0, ", or from "+networks(cfg.Server.LoopbackFrom)+","), count(cfg.Lock.MaxLoopbackDepth))
}

func networks(list []netip.Prefix) string {
	words := make([]string, len(list))
	for i, network := range list {
		words[i] = network.String()
	}
	return strings.Join(words, ", ")
}

func releaseMoment(on ReleaseOn, delay time.Duration) string {
	moment := "when the answer has ended"
	if on == ReleaseOnHeaders {
		moment = "with the headers of the answer"
	}
	if delay > 0 {
		moment = formatDuration(delay) + " later than " + moment
	}
	return moment
}

func (d *description) bodies(cfg *Config) {
	s := cfg.Spool
	dir := s.Dir
	if dir == "" {
		dir = "the system's temporary folder"
	}
	d.line("Request bodies: %s each; read at once: %s, of one client: %s.", size(cfg.Server.MaxBodySize), count(cfg.Server.MaxUploading), count(cfg.Server.MaxUploadingPerClient))
	d.line("Spools bodies and answers in memory (%s for the process) and in %s (%s).", size(s.MaxMemory), dir, size(s.MaxDisk))
	d.line("A quarter of each is kept for bodies; answers of one client: %s in memory, %s on disk.", size(s.MaxMemoryPerClient), size(s.MaxDiskPerClient))
}

// upgrades says nothing where no upstream can take a WebSocket.
func (d *description) upgrades(cfg *Config) {
	if !slices.ContainsFunc(cfg.Upstreams, func(u Upstream) bool { return u.Protocol == ProtocolHTTP }) {
		return
	}
	s := cfg.Server
	d.line("Upgraded connections (WebSocket) at once: %s, of one client: %s; without a byte they last: %s.", count(s.MaxUpgraded), count(s.MaxUpgradedPerClient), span(s.UpgradedIdleTimeout))
}

func (d *description) upstream(u *Upstream, first bool) {
	role := "where a rule names it"
	if first {
		role = "for everything that no rule sends elsewhere"
	}
	d.line("Upstream %s, %s: %s.", u.Name, role, u.where())
	d.line("  Time to connect: %s; to the headers of an answer: %s; to the end of what nobody waits for: %s.", span(u.ConnectTimeout), span(u.ResponseTimeout), span(u.AbandonedTimeout))
	if u.Files {
		d.line("  Serves the files below %s itself, without a turn: GET and HEAD, neither hidden ones nor PHP source.", u.LocalRoot)
	}
	d.servers(u)
	if u.Session.Cookie != nil {
		d.line("  Its session cookie is %s.", *u.Session.Cookie)
	}
	if u.Session.Header != nil {
		d.line("  Its session header is %s.", *u.Session.Header)
	}
}

// where says what the servers of an upstream are and what they run.
func (u *Upstream) where() string {
	servers := make([]string, len(u.Servers))
	for i, server := range u.Servers {
		servers[i] = server.Address
	}
	at := strings.Join(servers, ", ")
	if u.Protocol == ProtocolHTTP {
		return "HTTP at " + at
	}
	scripts := map[Script]string{
		ScriptFront: "always runs " + u.IndexScript,
		ScriptTry:   "runs the file asked for, or else the folder's index.php, or else " + u.IndexScript,
		ScriptPath:  "runs the file asked for, or answers 404",
	}
	return fmt.Sprintf("FastCGI at %s, %s below %s%s", at, scripts[u.Script], u.Root, only(u.LocalRoot != "", " (seen here as "+u.LocalRoot+")"))
}

// only is the text where the condition holds.
func only(condition bool, text string) string {
	if condition {
		return text
	}
	return ""
}

// The words for bounds. 0 is no limit.

func count(n int) string {
	if n == 0 {
		return "no limit"
	}
	return fmt.Sprint(n)
}

func size(s Size) string {
	if s == 0 {
		return "no limit"
	}
	return s.String()
}

func span(d time.Duration) string {
	if d == 0 {
		return "no limit"
	}
	return formatDuration(d)
}

func atMostFor(d time.Duration) string {
	if d == 0 {
		return "without limit"
	}
	return "at most " + formatDuration(d)
}
