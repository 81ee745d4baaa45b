package config

import (
	"testing"
	"time"
)

func TestQuantitiesAreWrittenAsTheyAreRead(t *testing.T) {
	for _, text := range []string{"0", "1B", "1000B", "64KiB", "512MiB", "10GiB", "3TiB"} {
		if size, err := parseSize(text); err != nil || size.String() != text {
			t.Errorf("size %s: %s %v", text, size, err)
		}
	}
	for _, text := range []string{"0", "100B/s", "1KiB/s"} {
		if rate, err := parseRate(text); err != nil || rate.String() != text {
			t.Errorf("rate %s: %s %v", text, rate, err)
		}
	}
	for _, text := range []string{"0", "5/s", "7/m", "11/h", "1000/s"} {
		if rate, err := parseRequestRate(text); err != nil || rate.String() != text {
			t.Errorf("rate %s: %s %v", text, rate, err)
		}
	}
	for text, want := range map[string]string{"0": "0s", "120s": "2m", "90m": "1h30m", "1h": "1h", "500ms": "500ms", "10s": "10s", "1h0m5s": "1h0m5s"} {
		if d, err := parseDuration(text); err != nil || formatDuration(d) != want {
			t.Errorf("duration %s: %s %v, want %s", text, formatDuration(d), err, want)
		}
	}
	if got := formatDuration(10 * time.Minute); got != "10m" {
		t.Error(got)
	}
}

func TestTheNearSpellingIsSuggested(t *testing.T) {
	keys := []string{"ttl", "mode", "max_waiting", "max_waiting_total", "wait_timeout"}
	for text, want := range map[string]string{"tll": "ttl", "TTL": "ttl", "max-waiting": "max_waiting", "maxwaiting": "max_waiting", "wait_timeuot": "wait_timeout", "listen": "", "": ""} {
		if got := nearest(text, keys); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
