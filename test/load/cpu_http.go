package main

import "context"

// cpuHTTP compares the CPU time of the gate as a plain HTTP proxy with that of
// a bare httputil.ReverseProxy, in front of the same backend.
func cpuHTTP(ctx context.Context, s *stand) ([]figure, error) {
	_, backend, err := s.startPrinting(ctx, "backend")
	if err != nil {
		return nil, err
	}
	bare, address, err := s.startPrinting(ctx, "reverseproxy", backend)
	if err != nil {
		return nil, err
	}
	against := opponent{name: "httputil.ReverseProxy", pid: bare.pid(), address: address}
	load := crowd{clients: s.plan.cpuClients, requests: s.plan.httpRequests, path: "/", answer: "ok"}

	through := gateConfig{lock: "mode: none", upstream: httpUpstream(backend)}
	logged, locked := through, through
	logged.accessLog = true
	locked.lock = ""
	return s.fight(ctx, against, load, []duel{
		{name: "HTTP pass-through", config: through, bound: s.plan.httpBound},
		{name: "HTTP pass-through", config: through, cookies: true},
		{name: "HTTP pass-through, access log", config: logged},
		{name: "HTTP locked", config: locked, cookies: true},
	})
}
