package http

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/freeport"
	"github.com/sessiongate/sessiongate/internal/gatetest"
)

// nginxConfig is what the manuals show of a reverse proxy, with the limits of
// the gate.
const nginxConfig = `
daemon off;
worker_processes 1;
pid %[1]s/pid;
error_log stderr crit;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	large_client_header_buffers 4 16k;
	client_max_body_size 1m;
	lingering_timeout 200ms;
	server {
		listen %[2]s;
		location / {
			proxy_pass http://%[3]s;
			proxy_http_version 1.1;
			proxy_set_header Host $host;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
			proxy_set_header X-Forwarded-Proto %[5]s;
		}
		location = /admin { return 403; }
		location /admin/ { return 403; }
	}
}
`

// startNginx runs nginx facing clients, or behind a proxy that it trusts.
func startNginx(t *testing.T, relays bool) *server {
	t.Helper()
	scheme := "$scheme"
	if relays {
		scheme = "$http_x_forwarded_proto"
	}
	return startOther(t, "nginx", nginxConfig, scheme, "-e", "stderr", "-c")
}

const caddyConfig = `
{
	admin off
	auto_https off
	storage file_system %[1]s
	log {
		level ERROR
	}
	servers {
		max_header_size 64KiB
	}
}
http://:%[4]s {
	bind 127.0.0.1
	request_body {
		max_size 1MiB
	}
	respond /admin 403
	respond /admin/* 403
	reverse_proxy %[3]s {
		%[5]s
	}
}
`

// startCaddy runs Caddy facing clients, or behind a proxy that it trusts.
func startCaddy(t *testing.T, relays bool) *server {
	t.Helper()
	trusted := ""
	if relays {
		trusted = "trusted_proxies " + senders
	}
	return startOther(t, "caddy", caddyConfig, trusted, "run", "--adapter", "caddyfile", "--config")
}

// startOther runs a server of somebody else's, whose last argument is the file
// with its configuration; setting is what differs in that.
func startOther(t *testing.T, name, config, setting string, args ...string) *server {
	t.Helper()
	s := &server{backend: &recorder{protocol: overHTTP}}
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.GiveBack)
	s.address = port.Address()
	file := writeFile(t, name+".conf", fmt.Sprintf(config, scratch(t), s.address, s.backend.listen(t), fmt.Sprint(port.Number()), setting))
	s.start(t, find(t, name), append(args, file)...)
	gatetest.Eventually(t, func() bool {
		c, err := net.Dial("tcp", s.address)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, func() string { return name + " does not listen; it said\n" + s.Said() })
	return s
}

// scratch is a folder that the user nginx changes to may write to.
func scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sessiongate-http-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// find looks for a program also where Debian keeps daemons.
func find(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if binary, err := exec.LookPath(path); err == nil {
			return binary
		}
	}
	t.Fatalf("%s is not installed; make test installs it", name)
	return ""
}

// version is the upstream version of a program, without the distribution's.
func version(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(find(t, name), args...).CombinedOutput()
	found := regexp.MustCompile(`\d+(\.\d+)+`).FindString(string(out))
	if err != nil || found == "" {
		t.Fatalf("%s %s: %v, %s", name, strings.Join(args, " "), err, out)
	}
	return found
}
