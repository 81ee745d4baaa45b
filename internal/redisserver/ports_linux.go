package redisserver

import (
	"fmt"
	"os"
	"syscall"
)

// reservation keeps a port of 127.0.0.1 without listening on it.
//
// The port is bound without SO_REUSEADDR, so that nobody can have it already,
// and then gets the option: Linux lets another socket with the option, such as
// redis-server's, bind and listen beside one that does not listen. Connections
// are refused meanwhile, and the kernel gives the port to no outgoing
// connection: without that, a client that dials a server that is down could
// get the server's own port, and connect to itself.
type reservation struct {
	port int
	fd   int
}

func reservePort() (*reservation, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("redisserver: find a free port: %w", os.NewSyscallError("socket", err))
	}
	r := &reservation{fd: fd}
	if err := r.bind(); err != nil {
		r.release()
		return nil, fmt.Errorf("redisserver: find a free port: %w", err)
	}
	return r, nil
}

func (r *reservation) bind() error {
	if err := syscall.Bind(r.fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if err := syscall.SetsockoptInt(r.fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	address, err := syscall.Getsockname(r.fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	own, ok := address.(*syscall.SockaddrInet4)
	if !ok {
		return fmt.Errorf("an IPv4 socket has the address %v", address)
	}
	r.port = own.Port
	return nil
}

func (r *reservation) release() { _ = syscall.Close(r.fd) }
