package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

const unixPrefix = "unix:"

// maxSocketPath is what sockaddr_un holds on Linux, less the closing NUL.
const maxSocketPath = 107

// SplitAddress turns host:port or unix:/path, as Load has checked it, into
// what net.Dial and net.Listen take.
func SplitAddress(text string) (network, address string) {
	if path, ok := strings.CutPrefix(text, unixPrefix); ok {
		return "unix", path
	}
	return "tcp", text
}

// checkListen accepts what a listener can be bound to.
func checkListen(text string) error { return checkAddress(text, true) }

// checkDial accepts what can be connected to.
func checkDial(text string) error { return checkAddress(text, false) }

func checkAddress(text string, listen bool) error {
	if text == "" {
		return errors.New("is missing, want host:port or unix:/path")
	}
	if path, ok := strings.CutPrefix(text, unixPrefix); ok {
		return checkSocketPath(path)
	}
	if strings.HasPrefix(text, "https://") {
		return fmt.Errorf("%s is a URL, and servers are spoken to without TLS; write host:port", quote(text))
	}
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		return fmt.Errorf("%s is a URL; write host:port without %s://%s", quote(text), clip(scheme), portAdvice(scheme, rest))
	}
	if strings.HasPrefix(text, "/") {
		return fmt.Errorf("%s is a path; for a socket write unix:%s", quote(text), clip(text))
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("%s is no address, %s", quote(text), addressAdvice(text))
	}
	if err := checkHost(host, listen); err != nil {
		return fmt.Errorf("%s: %w", quote(text), err)
	}
	return checkPort(text, port, listen)
}

func portAdvice(scheme, rest string) string {
	host, _, _ := strings.Cut(rest, "/")
	if _, _, err := net.SplitHostPort(host); err == nil {
		return ": " + clip(host)
	}
	switch scheme {
	case "http":
		return ": " + clip(host) + ":80"
	case "unix":
		return ": unix:" + clip(rest)
	}
	return ""
}

func addressAdvice(text string) string {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Is6() {
		return "want [" + text + "]:port"
	}
	if _, err := strconv.ParseUint(text, 10, 16); err == nil {
		return "want host:port, as in 127.0.0.1:" + text + " or, to listen everywhere, :" + text
	}
	if !strings.Contains(text, ":") {
		return "the port is missing: " + clip(text) + ":port"
	}
	return "want host:port or unix:/path"
}

func checkSocketPath(path string) error {
	switch {
	case !strings.HasPrefix(path, "/"):
		return fmt.Errorf("the socket %s must be an absolute path, as in unix:/run/php-fpm.sock", quote(path))
	case len(path) > maxSocketPath:
		return fmt.Errorf("the path of the socket is %d bytes long; the system takes at most %d", len(path), maxSocketPath)
	}
	return nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?$`)

func checkHost(host string, listen bool) error {
	if host == "" {
		if listen {
			return nil // every address of the machine
		}
		return errors.New("the host is missing, want host:port")
	}
	if _, err := netip.ParseAddr(host); err == nil || hostName.MatchString(host) {
		return nil
	}
	return fmt.Errorf("%s is neither a host name nor an IP address", quote(host))
}

func checkPort(text, port string, listen bool) error {
	n, err := strconv.ParseUint(port, 10, 16)
	if err == nil && (n > 0 || listen) {
		return nil
	}
	least := 1
	if listen {
		least = 0
	}
	return fmt.Errorf("%s has the port %s, want a number from %d to 65535", quote(text), quote(port), least)
}

// isLocal tells whether only this machine can reach a listener.
func isLocal(listen string) bool {
	network, address := SplitAddress(listen)
	if network == "unix" {
		return true
	}
	host, _, _ := net.SplitHostPort(address)
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
