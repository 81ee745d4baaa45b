package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"
)

//go:embed peers/nginx-lua
var nginxLua embed.FS

// redisCPU compares the CPU time that a gated request costs Redis with what it
// costs behind nginx and the usual lock in Lua: the same backend, the same
// clients, and a Redis each. What counts is the request of a session that does
// not come again at once: a gate keeps a lease for a moment after its last turn,
// and a session that does costs Redis nothing.
func redisCPU(ctx context.Context, s *stand) ([]figure, error) {
	_, backend, err := s.startPrinting(ctx, "backend")
	if err != nil {
		return nil, err
	}
	own, err := s.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	config := gateConfig{redis: own.Address(), upstream: httpUpstream(backend)}
	g, err := s.startGate(ctx, config)
	if err != nil {
		return nil, err
	}
	theirs, err := s.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	nginx, err := s.startNginxLua(ctx, theirs, backend)
	if err != nil {
		return nil, err
	}
	passing := crowd{clients: s.plan.cpuClients, requests: s.plan.httpRequests, path: "/", answer: "ok", cookies: true, sessions: 100}
	returning := passing
	returning.sessions = 1
	c := []*contender{
		{name: "Redis of the gate, sessions that pass", pid: own.PID(), address: g.address, load: passing},
		{name: "Redis of nginx + Lua, sessions that pass", pid: theirs.PID(), address: nginx, load: passing},
		{name: "Redis of the gate, sessions that return", pid: own.PID(), address: g.address, load: returning},
		{name: "Redis of nginx + Lua, sessions that return", pid: theirs.PID(), address: nginx, load: returning},
	}
	if err := s.race(ctx, c); err != nil {
		return nil, err
	}
	counted, err := own.calls(ctx)
	if err != nil {
		return nil, err
	}
	if least := s.plan.rounds * passing.requests; counted["evalsha"] < least {
		return nil, fmt.Errorf("its Redis ran %d scripts for at least %d requests: the gate does not lock with it", counted["evalsha"], least)
	}
	const bound = 0.7
	value, of := c[0].over(c[1])
	often, ofOften := c[2].over(c[3])
	with := fmt.Sprintf("%d keep-alive clients, never contended; %s", passing.clients, config.said())
	return []figure{
		timed("Redis CPU a gated request: gate / nginx + Lua with SET NX and EVAL", value, bound, of, fmt.Sprintf("%d sessions a client, one after another; %s", passing.sessions, with)),
		stated("Redis CPU a gated request: the same, sessions that come again at once", often, ofOften, "a session a client; "+with),
	}, nil
}

// startNginxLua runs nginx with the lock of peers/nginx-lua.
func (s *stand) startNginxLua(ctx context.Context, redis *redisServer, backend string) (address string, err error) {
	const packages = "Debian: nginx libnginx-mod-http-lua lua-nginx-redis"
	binary, err := findInSbin("nginx")
	if err != nil {
		return "", fmt.Errorf("nginx is not installed (%s), and this figure is a comparison with it: %w", packages, err)
	}
	if address, err = s.freePort(); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(s.dir, "nginx-")
	if err != nil {
		return "", err
	}
	lua, err := nginxLua.ReadFile("peers/nginx-lua/lock.lua")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "lock.lua"), lua, 0o600); err != nil {
		return "", err
	}
	file, err := os.Create(filepath.Join(dir, "nginx.conf"))
	if err != nil {
		return "", err
	}
	defer file.Close()
	user := ""
	if os.Geteuid() == 0 {
		user = "root" // others may not enter the scratch folder
	}
	if err := template.Must(template.ParseFS(nginxLua, "peers/nginx-lua/nginx.conf")).Execute(file, map[string]string{
		"Dir": dir, "Listen": address, "Backend": backend, "RedisPort": port(redis.Address()), "User": user,
	}); err != nil {
		return "", err
	}
	c, err := s.startChild(binary, "-c", file.Name())
	if err != nil {
		return "", err
	}
	if err := c.listens(ctx, address); err != nil {
		return "", fmt.Errorf("%w (%s)", err, packages)
	}
	return address, nil
}

// findInSbin also looks where Debian keeps daemons, which an ordinary user's
// PATH does not name.
func findInSbin(name string) (string, error) {
	binary, err := exec.LookPath(name)
	if err != nil {
		return exec.LookPath("/usr/sbin/" + name)
	}
	return binary, nil
}
