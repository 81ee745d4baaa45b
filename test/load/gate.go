package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sessiongate/sessiongate/internal/fpm"
)

// gateConfig is what a measurement says in the gate's configuration, as YAML
// flow mappings without their braces. Everything else has its default.
type gateConfig struct {
	socket       bool // listen on a unix socket instead of a port of 127.0.0.1
	server       string
	lock         string
	redis        string        // address of the Redis that grants the turns; "": the gate alone does
	redisPrefix  string        // redis.key_prefix; "": the default
	redisPool    int           // redis.pool_size; 0: the default
	redisTimeout time.Duration // redis.timeout; 0: the default
	spool        string
	accessLog    bool
	upstream     string
	rules        string
}

// yaml is the whole file. Ports are free ones.
func (c gateConfig) yaml(listen string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "server: {listen: %q, drain_delay: 0s, drain_timeout: 5s%s}\n", listen, more(c.server))
	fmt.Fprintf(&b, "admin: {listen: \"127.0.0.1:0\", pprof: true}\n")
	fmt.Fprintf(&b, "log: {access: %t}\n", c.accessLog)
	if c.redis != "" {
		fmt.Fprintf(&b, "redis: {addresses: [%q]%s%s}\n", c.redis, more(c.redisPrefixField()), more(c.redisFields()))
	}
	if lock := c.lockFields(); lock != "" {
		fmt.Fprintf(&b, "lock: {%s}\n", lock)
	}
	if c.spool != "" {
		fmt.Fprintf(&b, "spool: {%s}\n", c.spool)
	}
	fmt.Fprintf(&b, "upstreams: [{%s}]\n", c.upstream)
	if c.rules != "" {
		fmt.Fprintf(&b, "rules: [{%s}]\n", c.rules)
	}
	return b.String()
}

// said is what differs from the defaults, for the report.
func (c gateConfig) said() string {
	said := "default lock"
	if lock := c.lockFields(); lock != "" {
		said = "lock: {" + lock + "}"
	}
	if redis := c.redisFields(); redis != "" {
		said += ", redis: {" + redis + "}"
	}
	if c.server != "" {
		said += ", server: {" + c.server + "}"
	}
	if c.spool != "" {
		said += ", spool: {" + c.spool + "}"
	}
	if c.socket {
		said += ", unix socket"
	}
	if c.accessLog {
		return said + ", access log to a file"
	}
	return said + ", access log off"
}

func (c gateConfig) lockFields() string {
	switch {
	case c.redis == "":
		return c.lock
	case c.lock == "":
		return "store: redis"
	}
	return "store: redis, " + c.lock
}

func (c gateConfig) redisPrefixField() string {
	if c.redisPrefix == "" {
		return ""
	}
	return fmt.Sprintf("key_prefix: %q", c.redisPrefix)
}

// redisFields are those that matter to what is measured.
func (c gateConfig) redisFields() string {
	var fields []string
	if c.redisPool > 0 {
		fields = append(fields, fmt.Sprintf("pool_size: %d", c.redisPool))
	}
	if c.redisTimeout > 0 {
		fields = append(fields, fmt.Sprintf("timeout: %s", c.redisTimeout))
	}
	return strings.Join(fields, ", ")
}

func more(fields string) string {
	if fields == "" {
		return ""
	}
	return ", " + fields
}

// phpUpstream is the upstream entry of a pool. The script is found the way
// Caddy's php_fastcgi and nginx's try_files do.
func phpUpstream(pool *fpm.Pool) string {
	return fmt.Sprintf("name: php, protocol: fastcgi, servers: [{address: %q}], root: %q, local_root: %q, script: try",
		pool.Address(), pool.Root(), pool.Root())
}

// boundedUpstream is phpUpstream with bounds on slots.
func boundedUpstream(pool *fpm.Pool, slots, perClient int) string {
	return strings.Replace(phpUpstream(pool), "}]", fmt.Sprintf(", max_in_flight: %d}], max_in_flight_per_client: %d", slots, perClient), 1)
}

func httpUpstream(address string) string {
	return fmt.Sprintf("name: app, protocol: http, servers: [{address: %q}]", address)
}

// gate is a gate under test, in a process of its own.
type gate struct {
	*child
	address, admin string
}

// startGate runs the gate and returns when it listens.
func (s *stand) startGate(ctx context.Context, c gateConfig) (*gate, error) {
	dir, err := os.MkdirTemp(s.dir, "gate-")
	if err != nil {
		return nil, err
	}
	listen, file := "127.0.0.1:0", filepath.Join(dir, "gate.yaml")
	if c.socket {
		listen = "unix:" + filepath.Join(dir, "s")
	}
	if err := os.WriteFile(file, []byte(c.yaml(listen)), 0o600); err != nil {
		return nil, err
	}
	process, err := s.startChild(s.program("sessiongate"), "serve", "-c", file)
	if err != nil {
		return nil, err
	}
	g := &gate{child: process, address: listen}
	_, err = process.line(ctx, func(line []byte) (string, bool) {
		var serving struct{ Message, Listen, Admin string }
		if json.Unmarshal(line, &serving) != nil || serving.Message != "serving" {
			return "", false
		}
		g.admin = serving.Admin
		if !c.socket {
			g.address = serving.Listen
		}
		return serving.Listen, true
	})
	return g, err
}

// startGates runs several gates of one configuration.
func (s *stand) startGates(ctx context.Context, n int, c gateConfig) ([]*gate, error) {
	gates := make([]*gate, n)
	for i := range gates {
		var err error
		if gates[i], err = s.startGate(ctx, c); err != nil {
			return nil, err
		}
	}
	return gates, nil
}

// dialGates opens a connection to each gate; on an error none is left open.
func dialGates(ctx context.Context, gates []*gate) ([]*connection, error) {
	all := make([]*connection, 0, len(gates))
	for _, g := range gates {
		c, err := dial(ctx, g.address)
		if err != nil {
			closeEach(all)
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// metrics reads the gate's metrics that have no label.
func (g *gate) metrics(ctx context.Context) (map[string]float64, error) {
	body, err := g.ask(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	metrics := map[string]float64{}
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			metrics[name] = value
		}
	}
	return metrics, lines.Err()
}

// inFlight is the number of requests under way in the gate.
func (g *gate) inFlight(ctx context.Context) (int, error) {
	metrics, err := g.metrics(ctx)
	return int(metrics["sessiongate_in_flight"]), err
}

// idle waits until the gate has no request under way.
func (g *gate) idle(ctx context.Context) error {
	err := until(ctx, func() bool {
		n, err := g.inFlight(ctx)
		return err == nil && n == 0
	})
	if err != nil {
		return fmt.Errorf("the gate does not come to rest: %w", err)
	}
	return nil
}

// profile takes a CPU profile of the gate while load runs, again and again
// until the profile is there.
func (g *gate) profile(ctx context.Context, path string, load func() error) error {
	taken := make(chan error, 1)
	go func() { taken <- g.saveProfile(ctx, path) }()
	for {
		select {
		case err := <-taken:
			return err
		default:
		}
		if err := load(); err != nil {
			return err
		}
	}
}

func (g *gate) saveProfile(ctx context.Context, path string) error {
	body, err := g.ask(ctx, "/debug/pprof/profile?seconds=10")
	if err != nil {
		return err
	}
	defer body.Close()
	f, err := os.Create(filepath.Clean(path))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(f, body)
	return err
}

// ask sends a request to the admin listener, on a connection that is closed
// afterwards: an idle one would show in what is counted.
func (g *gate) ask(ctx context.Context, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.admin+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("%s: %s", path, resp.Status)
	}
	return resp.Body, nil
}
