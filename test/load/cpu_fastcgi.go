package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/sessiongate/sessiongate/internal/fpm"
)

// cpuFastCGI compares the CPU time of the gate in front of php-fpm with that of
// Caddy's php_fastcgi, for the same trivial page of the same pool.
func cpuFastCGI(ctx context.Context, s *stand) ([]figure, error) {
	pool, err := s.startPHP(ctx, nil)
	if err != nil {
		return nil, err
	}
	caddy, address, err := s.startCaddy(ctx, pool)
	if err != nil {
		return nil, err
	}
	against := opponent{name: "Caddy", pid: caddy.pid(), address: address}
	load := crowd{clients: s.plan.cpuClients, requests: s.plan.phpRequests, path: "/trivial.php", answer: "ok"}

	off := gateConfig{upstream: phpUpstream(pool)}
	logged := off
	logged.accessLog = true
	return s.fight(ctx, against, load, []duel{
		{name: "FastCGI", config: off, bound: s.plan.fastCGIBound},
		{name: "FastCGI", config: off, cookies: true},
		{name: "FastCGI, access log", config: logged},
		{name: "FastCGI, access log", config: logged, cookies: true},
	})
}

// startCaddy runs Caddy in front of a pool, without access log and admin API.
func (s *stand) startCaddy(ctx context.Context, pool *fpm.Pool) (c *child, address string, err error) {
	binary, err := exec.LookPath("caddy")
	if err != nil {
		return nil, "", fmt.Errorf("caddy is not installed (Debian: caddy), and this figure is a comparison with it: %w", err)
	}
	if address, err = s.freePort(); err != nil {
		return nil, "", err
	}
	upstream := pool.Address()
	if path, ok := strings.CutPrefix(upstream, "unix:"); ok {
		upstream = "unix/" + path
	}
	file := filepath.Join(s.dir, "Caddyfile")
	const format = "{\n\tadmin off\n\tauto_https off\n}\nhttp://%s {\n\troot * %s\n\tphp_fastcgi %s\n}\n"
	if err := os.WriteFile(file, fmt.Appendf(nil, format, ":"+port(address), pool.Root(), upstream), 0o600); err != nil {
		return nil, "", err
	}
	if c, err = s.startChild(binary, "run", "--config", file, "--adapter", "caddyfile"); err != nil {
		return nil, "", err
	}
	return c, address, c.listens(ctx, address)
}

func port(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }
