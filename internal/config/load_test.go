package config

import (
	"reflect"
	"testing"
)

func TestNothingWrittenIsTheDefaults(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "comment": "# nothing\n", "null": "~\n", "empty section": "lock:\nrules:\nupstreams: ~\n", "BOM": "\xef\xbb\xbf", "marker": "---\n", "empty map": "{}",
	} {
		cfg, err := load(Source{Path: "gate.yaml"}, []byte(content))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(cfg, Defaults()) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, cfg, Defaults())
		}
	}
}
