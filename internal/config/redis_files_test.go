package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writePair makes a certificate that signs itself, with its key. The names
// "ended" and "future" say when it holds; others hold now.
func writePair(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	switch name {
	case "ended":
		template.NotAfter = time.Now().Add(-time.Hour)
	case "future":
		template.NotBefore = time.Now().Add(time.Minute)
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	write(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})), 0o644)
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})), 0o600)
	return cert, key
}

func TestTheFilesForRedisAreLookedAt(t *testing.T) {
	dir := t.TempDir()
	junk, empty := filepath.Join(dir, "junk"), filepath.Join(dir, "empty")
	write(t, junk, "x", 0o600)
	write(t, empty, "\n", 0o600)
	cert, key := writePair(t, dir, "gate")
	other, _ := writePair(t, dir, "other")
	for _, c := range []struct {
		name   string
		change func(*Redis)
		want   string
	}{
		{"all well", func(r *Redis) {
			r.PasswordFile, r.TLS = junk, RedisTLS{Enabled: true, CAFile: cert, CertFile: cert, KeyFile: key}
		}, ""},
		{"password missing", func(r *Redis) { r.PasswordFile = dir + "/none" }, "redis.password_file: " + dir + "/none does not exist"},
		{"Sentinel's password missing", func(r *Redis) { r.SentinelPasswordFile = dir + "/none" }, "redis.sentinel_password_file: " + dir + "/none does not exist"},
		{"Sentinel's password empty", func(r *Redis) { r.SentinelPasswordFile = empty }, "redis.sentinel_password_file: " + empty + " is empty; leave the key out where the Sentinels ask for no password"},
		{"password empty", func(r *Redis) { r.PasswordFile = empty }, "redis.password_file: " + empty + " is empty; leave the key out"},
		{"authority missing", func(r *Redis) { r.TLS.CAFile = dir + "/none" }, "redis.tls.ca_file: " + dir + "/none does not exist"},
		{"authority no PEM", func(r *Redis) { r.TLS.CAFile = junk }, "redis.tls.ca_file: " + junk + " holds no certificate in PEM"},
		{"authority is a key", func(r *Redis) { r.TLS.CAFile = key }, "redis.tls.ca_file: " + key + " holds no certificate in PEM"},
		{"key missing", func(r *Redis) { r.TLS.CertFile, r.TLS.KeyFile = cert, dir+"/none" }, "redis.tls.key_file: " + dir + "/none does not exist"},
		{"certificate no PEM", func(r *Redis) { r.TLS.CertFile, r.TLS.KeyFile = junk, key }, "redis.tls.cert_file: " + junk + " and " + key + " are no certificate with its key"},
		{"key of another", func(r *Redis) { r.TLS.CertFile, r.TLS.KeyFile = other, key }, "redis.tls.cert_file: " + other + " and " + key + " are no certificate with its key"},
		{"no socket", func(r *Redis) { r.Addresses = []string{"unix:" + junk} }, "redis.addresses[0]: " + junk + " is not a socket"},
	} {
		cfg := Defaults()
		cfg.Lock.Store = StoreRedis
		c.change(&cfg.Redis)
		mistakes, _ := CheckFiles(cfg)
		if c.want == "" && len(mistakes) == 0 {
			continue
		}
		if len(mistakes) != 1 || !strings.HasPrefix(mistakes.Error(), c.want) {
			t.Errorf("%s: got %q, want %q", c.name, mistakes, c.want)
		}
		cfg.Lock.Store = StoreMemory
		if mistakes, _ := CheckFiles(cfg); len(mistakes) != 0 {
			t.Errorf("%s, and Redis is not used: %v", c.name, mistakes)
		}
	}
}

func TestARedisThatMayStillComeIsAWarning(t *testing.T) {
	dir := t.TempDir()
	password := filepath.Join(dir, "password")
	write(t, password, "hunter2\r\n", 0o644)
	cfg := Defaults()
	cfg.Spool.Dir = dir
	cfg.Lock.Store = StoreRedis
	cfg.Redis.PasswordFile = password
	cfg.Redis.Addresses = []string{"unix:" + dir + "/redis.sock"}
	mistakes, warnings := CheckFiles(cfg)
	if len(mistakes) != 0 {
		t.Error(mistakes)
	}
	for _, want := range []string{
		"redis.password_file: everybody on this machine can read " + password,
		"redis.addresses[0]: " + dir + "/redis.sock does not exist; is Redis running, and is this its unixsocket?",
	} {
		if !strings.Contains(warnings.Error(), want) {
			t.Errorf("got %s, want %s", warnings, want)
		}
	}
	if got, err := cfg.Redis.ServerPassword(); got != "hunter2" || err != nil {
		t.Errorf("got %q %v", got, err)
	}
}

func TestTLSOfRedisIsMadeFromItsFiles(t *testing.T) {
	if c, err := (RedisTLS{}).Config(); c != nil || err != nil {
		t.Errorf("not enabled: got %v %v", c, err)
	}
	if c, err := (RedisTLS{Enabled: true}).Config(); err != nil || c.RootCAs != nil || len(c.Certificates) != 0 {
		t.Errorf("the system's authorities: got %+v %v", c, err)
	}
	cert, key := writePair(t, t.TempDir(), "gate")
	c, err := (RedisTLS{Enabled: true, CAFile: cert, CertFile: cert, KeyFile: key}).Config()
	if err != nil || c.RootCAs == nil || len(c.Certificates) != 1 {
		t.Errorf("authority and certificate: got %+v %v", c, err)
	}
}
