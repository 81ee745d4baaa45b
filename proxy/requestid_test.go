package proxy

import (
	"net/http"
	"strings"
	"testing"
)

func TestOnlyATrustedPeerGivesARequestItsID(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		id := requestID(nil, true)
		if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" || seen[id] {
			t.Fatalf("made %q", id)
		}
		seen[id] = true
	}
	for _, c := range []struct {
		name    string
		given   []string
		trusted bool
		passes  bool
	}{
		{"a UUID", []string{"2f1c1ac8-7d4e-4c8a-9f5e-0f9c6ad5f5b1"}, true, true},
		{"all that is allowed", []string{"Root=1-67_9.a:b/c+d@e"}, true, true},
		{"the longest", []string{strings.Repeat("a", 128)}, true, true},
		{"too long", []string{strings.Repeat("a", 129)}, true, false},
		{"empty", []string{""}, true, false},
		{"a space", []string{"a b"}, true, false},
		{"a line end", []string{"a\nb"}, true, false},
		{"a quote", []string{`a"b`}, true, false},
		{"not ASCII", []string{"\u00e4"}, true, false},
		{"two", []string{"a", "b"}, true, false},
		{"anybody's", []string{"a"}, false, false},
	} {
		got := requestID(http.Header{"X-Request-Id": c.given}, c.trusted)
		if passes := got == c.given[0]; passes != c.passes || !passes && len(got) != 32 {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestEveryAnswerNamesItsRequest(t *testing.T) {
	var upstream string
	b := newBench(t, func(r *http.Request) (*http.Response, error) {
		upstream = r.Header.Get("X-Request-Id")
		return answer(strings.NewReader("hello"), "X-Request-Id", "of the application"), nil
	})
	v := b.send("GET", "", "X-Request-Id", "anybody's")
	<-v.done
	if got := v.Header()["X-Request-Id"]; len(got) != 1 || got[0] != upstream || len(upstream) != 32 {
		t.Errorf("the client sees %q, the application %q", got, upstream)
	}
	refused := b.send("CONNECT", "")
	<-refused.done
	if got := refused.Header().Get("X-Request-Id"); len(got) != 32 || got == upstream {
		t.Errorf("the refusal's is %q", got)
	}
	if err := b.gate.Drain(t.Context()); err != nil { // lines are written at the runs' ends
		t.Fatal(err)
	}
	for _, id := range []string{upstream, refused.Header().Get("X-Request-Id")} {
		if log := b.log.String(); !strings.Contains(log, `"request_id":"`+id+`"`) {
			t.Errorf("%s is not in the log %s", id, log)
		}
	}
}
