package config

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheMachineIsComparedWithTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, "x", 0o600)
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"local_root missing", func(c *Config) { c.Upstreams[0].LocalRoot = dir + "/html" }, "upstreams[0].local_root: " + dir + "/html does not exist"},
		{"local_root a file", func(c *Config) { c.Upstreams[0].LocalRoot = file }, "upstreams[0].local_root: " + file + " is not a folder"},
		{"spool missing", func(c *Config) { c.Spool.Dir = dir + "/spool" }, "spool.dir: " + dir + "/spool does not exist"},
		{"spool closed", func(c *Config) { c.Spool.Dir = "/proc" }, "spool.dir: no file can be made in /proc: "},
		{"key missing", func(c *Config) { c.Session.KeyFile = dir + "/key" }, "session.key_file: " + dir + "/key does not exist"},
		{"key short", func(c *Config) { c.Session.KeyFile = file }, "session.key_file: " + file + ": holds 1 bytes; a secret has at least 16"},
		{"token missing", func(c *Config) { c.Admin.TokenFile = dir + "/token" }, "admin.token_file: " + dir + "/token does not exist"},
		{"no socket", func(c *Config) { c.Upstreams[0].Servers[0].Address = "unix:" + file }, "upstreams[0].servers[0].address: " + file + " is not a socket"},
		{"listen on a file", func(c *Config) { c.Server.Listen = "unix:" + file }, "server.listen: " + file + " exists and is not a socket"},
		{"listen nowhere", func(c *Config) { c.Admin.Listen = "unix:" + dir + "/a/b.sock" }, "admin.listen: " + dir + "/a does not exist"},
	} {
		cfg := Defaults()
		c.change(cfg)
		mistakes, _ := CheckFiles(cfg)
		if len(mistakes) != 1 || !strings.HasPrefix(mistakes.Error(), c.want) {
			t.Errorf("%s: got %q, want %q", c.name, mistakes, c.want)
		}
	}
}

func TestWhatMayStillComeIsAWarning(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	write(t, key, strings.Repeat("k", 32)+"\n", 0o644)
	cfg := Defaults()
	cfg.Session.KeyFile = key
	cfg.Upstreams[0].Servers[0].Address = "unix:" + dir + "/php.sock"
	cfg.Upstreams = append(cfg.Upstreams, Upstream{Protocol: ProtocolHTTP, Servers: []UpstreamServer{{Address: "unix:" + dir + "/app.sock"}}})
	cfg.Spool.Dir = dir
	mistakes, warnings := CheckFiles(cfg)
	if len(mistakes) != 0 {
		t.Error(mistakes)
	}
	text := warnings.Error()
	for _, want := range []string{"everybody on this machine can read " + key, dir + "/php.sock does not exist; is PHP-FPM running", dir + "/app.sock does not exist; is the server running"} {
		if !strings.Contains(text, want) {
			t.Errorf("got %s, want %s", text, want)
		}
	}
}

func TestASocketThatMayNotBeOpenedNamesOwnerModeAndTheWayOut(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "php.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := os.Chmod(socket, 0o660); err != nil {
		t.Fatal(err)
	}
	cfg := Defaults()
	cfg.Upstreams[0].Servers[0].Address = "unix:" + socket
	if mistakes, _ := checkFiles(cfg, func(string) error { return nil }); len(mistakes) != 0 {
		t.Error(mistakes)
	}
	mistakes, _ := checkFiles(cfg, func(string) error { return errors.New("denied") })
	for _, want := range []string{socket + " may not be opened by ", "it belongs to ", "has the mode 0660", "listen.group"} {
		if !strings.Contains(mistakes.Error(), want) {
			t.Errorf("got %s, want %s", mistakes, want)
		}
	}
}

func TestNothingIsLeftInTheSpool(t *testing.T) {
	cfg := Defaults()
	cfg.Spool.Dir = t.TempDir()
	CheckFiles(cfg)
	if left, err := os.ReadDir(cfg.Spool.Dir); err != nil || len(left) != 0 {
		t.Errorf("%v %v", left, err)
	}
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}
