package main

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// taken says whether the gate has read all that was sent. The kernel of a unix
// socket tells: what is written counts as the writer's until it has been read.
// (TCP's counts until it has reached the other side's kernel, which is sooner.)
func (c *connection) taken() (bool, error) {
	socket, ok := c.conn.(*net.UnixConn)
	if !ok {
		return false, fmt.Errorf("%s is no unix socket", c.conn.RemoteAddr())
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false, err
	}
	unread, asked := 0, error(nil)
	err = raw.Control(func(fd uintptr) { unread, asked = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	if err == nil {
		err = asked
	}
	return unread == 0, err
}
