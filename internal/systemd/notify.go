package systemd

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
	"unicode"
)

const (
	notifySocket = "NOTIFY_SOCKET"
	// patience is how long systemd may take to make room for a message.
	patience = time.Second
	// maxStatus is in bytes: systemd drops messages of more than 4,096.
	maxStatus = 1000
	// unbounded stands for no bound: the largest number means none to systemd,
	// but it does not take that as an extension.
	unbounded = 365 * 24 * time.Hour
)

// Notifier tells systemd how far this process is. It may be used by several
// goroutines. Make it with NewNotifier.
type Notifier struct {
	address  string
	patience time.Duration
	place    chan struct{} // has one place, taken while a message is sent
	stopping bool          // changed by who has the place
}

// NewNotifier takes out of the environment where systemd wants to be told, if
// it does.
func NewNotifier() *Notifier {
	n := &Notifier{address: os.Getenv(notifySocket), patience: patience, place: make(chan struct{}, 1)}
	_ = os.Unsetenv(notifySocket) // it fails for names that are none
	return n
}

// Ready says that the service is up, or that it has ended a reload. The status is
// a line for people.
func (n *Notifier) Ready(status string) error {
	return n.send(false, "READY=1", "STATUS="+line(status))
}

// Reloading says that the configuration is read again, until Ready.
func (n *Notifier) Reloading() error {
	// A unit of Type=notify-reload tells by the time which signal it is for.
	return n.send(false, "RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", monotonic().Microseconds()))
}

// Stopping says that the service ends, within a time from now; 0: there is no
// bound. systemd waits so long even where TimeoutStopSec is shorter, and as long as
// that where it is longer. It may be said again, with another bound. Ready and
// Reloading say nothing any more.
func (n *Notifier) Stopping(status string, within time.Duration) error {
	if within <= 0 {
		within = unbounded
	}
	return n.send(true, "STOPPING=1", "STATUS="+line(status), fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", within.Microseconds()))
}

// send sends one message of some assignments.
func (n *Notifier) send(stopping bool, assignments ...string) error {
	if n.address == "" {
		return nil
	}
	n.place <- struct{}{} // whoever has it gives it back within patience
	defer func() { <-n.place }()
	if n.stopping && !stopping {
		return nil
	}
	n.stopping = stopping
	if err := n.write(strings.Join(assignments, "\n")); err != nil {
		return fmt.Errorf("%s: %w", notifySocket, err)
	}
	return nil
}

func (n *Notifier) write(message string) error {
	if !strings.HasPrefix(n.address, "/") && !strings.HasPrefix(n.address, "@") {
		return fmt.Errorf("%q is neither a path nor an abstract socket (@…)", n.address)
	}
	c, err := new(net.Dialer).DialContext(context.Background(), "unixgram", n.address) // does not wait for anybody
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetWriteDeadline(time.Now().Add(n.patience)); err != nil {
		return err
	}
	_, err = c.Write([]byte(message))
	return err
}

// line makes one line of a status: what comes after it would be further
// assignments, and systemd drops what is not UTF-8.
func line(status string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(status, "?"))
	if len(clean) <= maxStatus {
		return clean
	}
	return strings.ToValidUTF8(clean[:maxStatus], "") + "…"
}
