package config

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestTheGatesOwnCertificateIsLookedAt(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk")
	write(t, junk, "x", 0o600)
	cert, key := writePair(t, dir, "gate")
	other, _ := writePair(t, dir, "other")
	for _, c := range []struct {
		name      string
		tls       ServerTLS
		want, why string
	}{
		{"none", ServerTLS{}, "", ""},
		{"all well", ServerTLS{cert, key}, "", ""},
		{"certificate missing", ServerTLS{dir + "/none", key}, "server.tls.cert_file: ", dir + "/none does not exist"},
		{"key missing", ServerTLS{cert, dir + "/none"}, "server.tls.key_file: ", dir + "/none does not exist"},
		{"certificate no PEM", ServerTLS{junk, key}, "server.tls.cert_file: ", "are no certificate with its key"},
		{"key of another", ServerTLS{other, key}, "server.tls.cert_file: ", "are no certificate with its key"},
	} {
		cfg := Defaults()
		cfg.Server.TLS = c.tls
		mistakes, _ := CheckFiles(cfg)
		if c.want == "" && len(mistakes) == 0 {
			continue
		}
		if len(mistakes) != 1 || !strings.HasPrefix(mistakes.Error(), c.want) || !strings.Contains(mistakes.Error(), c.why) {
			t.Errorf("%s: got %q, want %q and %q", c.name, mistakes, c.want, c.why)
		}
	}
}

func TestACertificateOutOfItsTimeIsAWarning(t *testing.T) {
	dir := t.TempDir()
	cfg := Defaults()
	cfg.Spool.Dir = dir
	for name, want := range map[string]string{"ended": " ended on ", "future": " begins on "} {
		cfg.Server.TLS.CertFile, cfg.Server.TLS.KeyFile = writePair(t, dir, name)
		mistakes, warnings := CheckFiles(cfg)
		if len(mistakes) != 0 || !strings.Contains(warnings.Error(), "server.tls.cert_file: "+cfg.Server.TLS.CertFile+want) {
			t.Errorf("%s: mistakes %q, warnings %q", name, mistakes, warnings)
		}
	}
}
