package proxy

import (
	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/proxy/session"
)

// sessionID remembers the session id of the source it was last read from.
type sessionID struct {
	source session.Source
	read   bool
	id     string
	ok     bool
	key    lockstore.Key // made from it, without a lock group; zero: not yet
}

// sessionID reads the session id that the named cookie or header carries. The
// decide stage asks for it while it looks at rules that match on a session.
func (x *exchange) sessionID(cookie, header string) (string, bool) {
	source := session.Source{Cookie: cookie, Header: header}
	if !x.id.read || x.id.source != source {
		id, ok := source.ID(x.r.Header)
		x.id = sessionID{source: source, read: true, id: id, ok: ok}
	}
	return x.id.id, x.id.ok
}

// sessionKey is the key of the session itself, whatever its lock group, and also
// where it is not locked; ok is false where there is no session.
func (x *exchange) sessionKey() (key lockstore.Key, ok bool) {
	if x.locked && x.policy.LockGroup == "" {
		return x.ticket.Key, true
	}
	id, ok := x.sessionID(x.policy.Cookie, x.policy.Header)
	if !ok {
		return lockstore.Key{}, false
	}
	if x.id.key == (lockstore.Key{}) {
		x.id.key = x.gate.Keys.Key(id, "")
	}
	return x.id.key, true
}

// key makes the session key. It comes after decide because a rule may name the
// cookie of its application. Without a valid id there is no session and the
// line is skipped.
func (x *exchange) key() error {
	if id, ok := x.sessionID(x.policy.Cookie, x.policy.Header); ok && x.policy.Lock != rules.None {
		x.lock(id)
	}
	return x.findCaller()
}

// lock prepares the ticket.
func (x *exchange) lock(id string) {
	x.locked = true
	x.ticket = lockstore.Request{
		Key:        x.gate.Keys.Key(id, x.policy.LockGroup),
		Client:     x.clientID,
		RejectBusy: x.policy.RejectBusy,
		Timeout:    x.policy.WaitTimeout,
		MaxWaiting: x.policy.MaxWaiting,
		NoFallback: x.policy.OnStoreFailure != rules.Local,
	}
	if x.policy.Lock == rules.Barrier {
		x.ticket.Mode = lockstore.Barrier
	}
	x.session = x.ticket.Key
}
