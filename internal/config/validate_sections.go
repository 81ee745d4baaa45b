package config

import "strings"

func validateServer(cfg *Config, r *report) {
	s := cfg.Server
	if err := checkListen(s.Listen); err != nil {
		r.refuse("server.listen", nil, "%s", err)
	}
	if s.ReadyPath != "" {
		urlPath(r, "server.ready_path", s.ReadyPath)
	}
	pairOfFiles(r, "server.tls", s.TLS.CertFile, s.TLS.KeyFile)
	if s.ProxyProtocol && len(s.TrustedProxies) == 0 {
		r.refuse("server.trusted_proxies", []string{"server.proxy_protocol"}, "is empty, and server.proxy_protocol is set: whose PROXY headers are believed? Name the proxies' networks, as in [\"10.0.0.0/8\"]")
	}
	validateLoopbackFrom(s, r)
	below(r, "server.max_uploading_per_client", s.MaxUploadingPerClient, "server.max_uploading", s.MaxUploading, "it would never be reached")
	below(r, "server.max_upgraded_per_client", s.MaxUpgradedPerClient, "server.max_upgraded", s.MaxUpgraded, "it would never be reached")
}

// validateLoopbackFrom keeps backends and proxies apart. What comes from a proxy
// is its clients': without a turn they would all run beside each other.
func validateLoopbackFrom(s Server, r *report) {
	for i, backend := range s.LoopbackFrom {
		for _, proxy := range s.TrustedProxies {
			if backend.Overlaps(proxy) {
				r.refuse(joinIndex("server.loopback_from", i), []string{"server.trusted_proxies"}, "%s overlaps %s of server.trusted_proxies: what a proxy sends comes from its clients, not from a backend. Name backends and proxies by networks of their own", backend, proxy)
			}
		}
	}
}

// pairOfFiles holds that a certificate and its key come together.
func pairOfFiles(r *report, path, cert, key string) {
	certPath, keyPath := joinKey(path, "cert_file"), joinKey(path, "key_file")
	switch {
	case cert != "" && key == "":
		r.refuse(keyPath, []string{certPath}, "is missing: %s is set, and a certificate needs its key", certPath)
	case cert == "" && key != "":
		r.refuse(certPath, []string{keyPath}, "is missing: %s is set, and a key needs its certificate", keyPath)
	}
}

func validateSpool(cfg *Config, r *report) {
	s := cfg.Spool
	if s.Dir != "" && !strings.HasPrefix(s.Dir, "/") {
		r.refuse("spool.dir", nil, "found %s, want an absolute path", quote(s.Dir))
	}
	below(r, "spool.body_memory", s.BodyMemory, "spool.max_memory", s.MaxMemory, "one body cannot take more than all have together")
	below(r, "spool.response_memory", s.ResponseMemory, "spool.max_memory", s.MaxMemory, "one response cannot take more than all have together")
	below(r, "spool.max_response", s.MaxResponse, "spool.max_disk", s.MaxDisk, "one response cannot take more than all have together")
	below(r, "spool.max_memory_per_client", s.MaxMemoryPerClient, "spool.max_memory", s.MaxMemory, "one client cannot take more than all have together")
	below(r, "spool.max_disk_per_client", s.MaxDiskPerClient, "spool.max_disk", s.MaxDisk, "one client cannot take more than all have together")
	below(r, "spool.response_memory", s.ResponseMemory, "spool.max_memory_per_client", s.MaxMemoryPerClient, "one response cannot take more than all of its client")
	below(r, "spool.max_response", s.MaxResponse, "spool.max_disk_per_client", s.MaxDiskPerClient, "one response cannot take more than all of its client")
	below(r, "server.max_body_size", cfg.Server.MaxBodySize, "spool.max_disk", s.MaxDisk, "a body of that size could not be kept")
}

func validateAdmin(cfg *Config, r *report) {
	a := cfg.Admin
	if err := checkListen(a.Listen); err != nil {
		r.refuse("admin.listen", nil, "%s", err)
	} else if !isLocal(a.Listen) && a.TokenFile == "" && a.Token == "" {
		r.refuse("admin.token_file", []string{"admin.listen", "admin.token"}, "is missing: admin.listen (%s) can be reached from elsewhere; set a token, or listen on 127.0.0.1 or a socket", a.Listen)
	}
	if a.Listen == cfg.Server.Listen && !strings.HasSuffix(a.Listen, ":0") {
		r.refuse("admin.listen", []string{"server.listen"}, "%s is server.listen too; the admin listener needs an address of its own", a.Listen)
	}
	oneSecret(r, "admin.token", a.Token, a.TokenFile)
}

// oneSecret refuses a secret that is given in two places, and a short one.
func oneSecret(r *report, path string, direct Secret, file string) {
	if direct == "" {
		return
	}
	if file != "" {
		r.refuse(path, nil, "is set, and so is %s_file; keep one of them", path)
	}
	if len(direct) < minSecret {
		r.refuse(path, nil, "has %d bytes; a secret has at least %d, as of `openssl rand -hex 32`", len(direct), minSecret)
	}
}

func validateSession(cfg *Config, r *report) {
	s := cfg.Session
	if s.Cookie == "" && s.Header == "" {
		r.refuse("session.cookie", []string{"session.header"}, "is empty, and so is session.header: no request would have a session")
	}
	if s.Cookie != "" {
		validateCookieName(r, "session.cookie", s.Cookie)
	}
	if s.Header != "" {
		headerName(r, "session.header", s.Header)
	}
	oneSecret(r, "session.key", s.Key, s.KeyFile)
}

func validateSessionNames(r *report, path string, s SessionNames) {
	if s.Cookie != nil && *s.Cookie != "" {
		validateCookieName(r, joinKey(path, "cookie"), *s.Cookie)
	}
	if s.Header != nil && *s.Header != "" {
		headerName(r, joinKey(path, "header"), *s.Header)
	}
}

func validateLock(cfg *Config, r *report) {
	l := cfg.Lock
	const never = "it would never be reached"
	below(r, "lock.max_waiting", l.MaxWaiting, "lock.max_waiting_total", l.MaxWaitingTotal, never)
	below(r, "lock.max_waiting_per_client", l.MaxWaitingPerClient, "lock.max_waiting_total", l.MaxWaitingTotal, never)
	below(r, "lock.release_delay", l.ReleaseDelay, "lock.max_hold", l.MaxHold, "the turn would end before its delay")
}
