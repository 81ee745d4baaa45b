package cli

import "testing"

func TestTheURLOfABackendNamesItsAddress(t *testing.T) {
	for url, want := range map[string]string{
		"":                       "",
		"http://127.0.0.1:8080":  "127.0.0.1:8080",
		"http://127.0.0.1/":      "127.0.0.1:80",
		"http://backend":         "backend:80",
		"http://backend:":        "backend:80",
		"http://[::1]":           "[::1]:80",
		"http://[2001:db8::7]/":  "[2001:db8::7]:80",
		"http://[::1]:8080":      "[::1]:8080",
		"127.0.0.1:8080":         "127.0.0.1:8080",
		"unix:/run/backend.sock": "unix:/run/backend.sock",
	} {
		if got, err := httpAddress(url); err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", url, got, err, want)
		}
	}
}
