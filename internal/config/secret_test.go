package config

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestASecretIsNeverPrinted(t *testing.T) {
	const key = "0123456789abcdef-secret"
	cfg := mustLoad(t, Source{Env: []string{"SESSIONGATE_SESSION_KEY=" + key, "SESSIONGATE_ADMIN_TOKEN=" + key, "SESSIONGATE_REDIS_PASSWORD=" + key, "SESSIONGATE_REDIS_SENTINEL_PASSWORD=" + key, "SESSIONGATE_REDIS_MASTER_NAME=gate"}}, nil)
	written, err := cfg.YAML()
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(cfg), fmt.Sprintf("%+v", cfg), fmt.Sprintf("%#v", cfg), string(written), string(encoded), Describe(cfg)} {
		if strings.Contains(text, key) {
			t.Errorf("printed: %s", text)
		}
	}
	if got, err := cfg.Session.HashKey(); err != nil || string(got) != key {
		t.Errorf("got %q %v", got, err)
	}
}

func TestASecretFileIsReadWithoutItsLineEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write(t, path, "0123456789abcdef\r\n", 0o600)
	if got, err := (Admin{TokenFile: path}).BearerToken(); err != nil || string(got) != "0123456789abcdef" {
		t.Errorf("got %q %v", got, err)
	}
	write(t, path, "\n", 0o600)
	if _, err := (Admin{TokenFile: path}).BearerToken(); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("got %v", err)
	}
	if got, err := (Admin{}).BearerToken(); got != nil || err != nil {
		t.Errorf("got %q %v", got, err)
	}
}
