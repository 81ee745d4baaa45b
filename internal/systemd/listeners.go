package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

const (
	listenPID   = "LISTEN_PID"
	listenFDs   = "LISTEN_FDS"
	listenNames = "LISTEN_FDNAMES"
	firstFD     = 3 // SD_LISTEN_FDS_START
)

// Listeners are the sockets that systemd has opened for this process, and keeps
// open when it ends: sd_listen_fds(3). There are none where it has no socket unit.
// It is to be called once, at the start.
func Listeners() ([]net.Listener, error) {
	names, err := passed(os.Getenv, os.Getpid())
	for _, name := range []string{listenPID, listenFDs, listenNames} {
		_ = os.Unsetenv(name) // it fails for names that are none
	}
	if err != nil {
		return nil, err
	}
	listeners := make([]net.Listener, 0, len(names))
	errs := make([]error, 0, len(names))
	for i, name := range names {
		l, err := listenerOf(firstFD+i, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		listeners = append(listeners, l)
	}
	if len(errs) == 0 {
		return listeners, nil
	}
	for _, l := range listeners {
		errs = append(errs, l.Close())
	}
	return nil, errors.Join(errs...)
}

// passed are the names of the sockets that are meant for this process.
func passed(env func(string) string, pid int) ([]string, error) {
	if env(listenPID) != strconv.Itoa(pid) {
		return nil, nil // nobody's, or the parent's
	}
	n, err := strconv.ParseUint(env(listenFDs), 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%s: %q is no number of sockets", listenFDs, env(listenFDs))
	}
	names := make([]string, n)
	copy(names, strings.Split(env(listenNames), ":"))
	return names, nil
}

// listenerOf takes a descriptor over: what it returns is a copy that no child inherits.
func listenerOf(fd int, name string) (net.Listener, error) {
	file := os.NewFile(uintptr(fd), name)
	defer file.Close()
	l, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("socket %d (%s) that systemd has opened is not one to accept connections from, as with ListenStream=: %w", fd, name, err)
	}
	return l, nil
}
