package config

import "fmt"

// SessionWarnings finds headers that take a client out of the line of its cookie.
// Those that a rule says hold for its requests alone, and are not looked at.
func SessionWarnings(cfg *Config) Errors {
	var warnings Errors
	warned := make(map[string]bool)
	for i := range cfg.Upstreams {
		cookie, header, path := cfg.sessionOf(i)
		if cookie == "" || header == "" || warned[path] {
			continue
		}
		warned[path] = true
		warnings = append(warnings, &Error{Path: path, Message: fmt.Sprintf(
			"the header %s is looked at before the cookie %s, for all paths: whoever sends both is put in order by the header alone, and with another one each time is in no line of the cookie's session; "+
				`say the header by a rule for the API's paths, with session: {cookie: "", header: %s}`, header, cookie, header)})
	}
	return warnings
}

// sessionOf is where the session of an upstream's requests stands, and the key that
// sets cookie and header beside each other.
func (cfg *Config) sessionOf(upstream int) (cookie, header, path string) {
	cookie, header, path = cfg.Session.Cookie, cfg.Session.Header, "session.header"
	own, place := cfg.Upstreams[upstream].Session, joinKey(joinIndex("upstreams", upstream), "session")
	if own.Cookie != nil && *own.Cookie != "" {
		path = joinKey(place, "cookie")
	}
	if own.Cookie != nil {
		cookie = *own.Cookie
	}
	if own.Header != nil {
		header, path = *own.Header, joinKey(place, "header")
	}
	return cookie, header, path
}
