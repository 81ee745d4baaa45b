package freeport

import (
	"fmt"
	"os"
	"sync"
	"syscall"
)

// Port is a port that has been taken.
//
// Its socket is bound without SO_REUSEADDR, so that nobody can have the port
// already, and then gets the option: Linux lets another socket with the option
// bind and listen beside one that does not listen. The kernel gives the port to
// no outgoing connection: without that, a client that dials a server that is
// down could get the server's own port, and connect to itself.
type Port struct {
	number int
	fd     int
	back   sync.Once
}

// Take takes a port of 127.0.0.1 that is free.
func Take() (*Port, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("take a free port: %w", os.NewSyscallError("socket", err))
	}
	p := &Port{fd: fd}
	if err := p.bind(); err != nil {
		p.GiveBack()
		return nil, fmt.Errorf("take a free port: %w", err)
	}
	return p, nil
}

func (p *Port) bind() error {
	if err := syscall.Bind(p.fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if err := syscall.SetsockoptInt(p.fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	address, err := syscall.Getsockname(p.fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	own, ok := address.(*syscall.SockaddrInet4)
	if !ok {
		return fmt.Errorf("an IPv4 socket has the address %v", address)
	}
	p.number = own.Port
	return nil
}

// GiveBack lets others have the port. Further calls do nothing.
func (p *Port) GiveBack() { p.back.Do(func() { _ = syscall.Close(p.fd) }) }
