package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Inherit gives the gate listeners with which the process was started. One that is
// at the address of server.listen or admin.listen is served in place of a new one;
// any other is an error of Start, for its clients would wait for nobody. It is for
// before Start, which owns them then.
//
// Whoever has started the process has them open, too: what connects while the gate
// is started again waits in the kernel.
func (a *App) Inherit(listeners []net.Listener) { a.inherited = listeners }

type inherited []net.Listener

// fit says which of them are not one for one of the addresses.
func (i inherited) fit(ctx context.Context, public, admin string) error {
	var errs []error
	fitting := make(map[string]net.Addr)
	for _, l := range i {
		at, address := l.Addr(), public
		if isAt(ctx, at, admin) {
			address = admin
		}
		switch other := fitting[address]; {
		case !isAt(ctx, at, address):
			errs = append(errs, fmt.Errorf("server.listen: this process was given a socket at %s, which is neither server.listen (%s) nor admin.listen (%s); "+
				"give ListenStream= of the socket unit and the key the same address, or stop the socket unit", at, public, admin))
		case other != nil:
			errs = append(errs, fmt.Errorf("server.listen: this process was given two sockets, at %s and at %s, for the one address %s; "+
				"one ListenStream= with the port alone is for IPv4 and IPv6", other, at, address))
		default:
			fitting[address] = at
		}
	}
	return errors.Join(errs...)
}

// listen takes the one at the address, or opens it.
func (i *inherited) listen(ctx context.Context, key, address string, open bool) (net.Listener, error) {
	at := slices.IndexFunc(*i, func(l net.Listener) bool { return isAt(ctx, l.Addr(), address) })
	if at < 0 {
		return listen(ctx, key, address, open)
	}
	l := (*i)[at]
	*i = slices.Delete(*i, at, at+1)
	return l, nil
}

// close closes those that nobody has taken.
func (i inherited) close() error {
	var errs []error
	for _, l := range i {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// isAt says whether a listener's address is what a configuration key means: no
// more and no less than it says.
func isAt(ctx context.Context, at net.Addr, address string) bool {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return at.Network() == "unix" && at.String() == path
	}
	have, ok := at.(*net.TCPAddr)
	host, port, err := net.SplitHostPort(address)
	if !ok || err != nil || port != strconv.Itoa(have.Port) {
		return false
	}
	if host == "" {
		return have.IP.IsUnspecified()
	}
	addresses, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	return err == nil && slices.ContainsFunc(addresses, func(a net.IPAddr) bool { return a.IP.Equal(have.IP) })
}

// open has both listeners.
func (a *App) open(ctx context.Context, public, admin string) (err error) {
	defer func() { err = errors.Join(err, a.inherited.close()) }() // there are none left where all went well
	if err := a.inherited.fit(ctx, public, admin); err != nil {
		return err
	}
	if a.adminAt, err = a.inherited.listen(ctx, "admin.listen", admin, false); err != nil {
		return err
	}
	if a.publicAt, err = a.inherited.listen(ctx, "server.listen", public, true); err != nil {
		return errors.Join(err, a.adminAt.Close())
	}
	return nil
}
