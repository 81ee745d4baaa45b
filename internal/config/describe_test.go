package config

import (
	"bytes"
	"os"
	"testing"

	"github.com/sessiongate/sessiongate/internal/botua"
)

func TestAConfigurationIsToldInWords(t *testing.T) {
	for config, words := range map[string]string{
		exampleFile:                     "testdata/words/defaults.txt",
		"testdata/good/rules.yaml":      "testdata/words/rules.txt",
		"testdata/good/no_limits.yaml":  "testdata/words/no_limits.txt",
		"testdata/good/admin_open.yaml": "testdata/words/admin_open.txt",
		"testdata/good/redis.yaml":      "testdata/words/redis.txt",
		"testdata/good/files.yaml":      "testdata/words/files.txt",
		"testdata/good/servers.yaml":    "testdata/words/servers.txt",
		"testdata/good/http.yaml":       "testdata/words/http.txt",
		"testdata/good/limits.yaml":     "testdata/words/limits.txt",
		"testdata/good/shadow.yaml":     "testdata/words/shadow.txt",
		"testdata/good/loopback.yaml":   "testdata/words/loopback.txt",
	} {
		cfg, err := Load(Source{Path: config})
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(words)
		if err != nil {
			t.Fatal(err)
		}
		want = bytes.ReplaceAll(want, []byte("(crawlers' version)"), []byte(botua.Version()))
		if got := Describe(cfg); got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", config, got, want)
		}
	}
}
