package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// FuzzLoad: nothing panics, every mistake is one printable line, and a
// configuration that is taken survives being written and read again.
func FuzzLoad(f *testing.F) {
	for _, folder := range []string{"testdata/good/*.yaml", "testdata/bad/*.yaml"} {
		for _, path := range globFiles(f, folder) {
			content, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(content)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		cfg, err := load(Source{Path: "gate.yaml"}, content)
		if err != nil {
			all, ok := err.(Errors)
			if !ok {
				t.Fatalf("%T: %v", err, err)
			}
			for _, one := range all {
				if strings.ContainsAny(one.Error(), "\n\r\x00\x1b") {
					t.Errorf("not one line: %q", one.Error())
				}
			}
			return
		}
		Describe(cfg)
		written, err := cfg.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := load(Source{Path: "gate.yaml"}, written)
		if err != nil {
			t.Fatalf("%v\nof\n%s", err, written)
		}
		if !reflect.DeepEqual(again, cfg) {
			t.Errorf("got\n%+v\nwant\n%+v\nof\n%s", again, cfg, written)
		}
	})
}
