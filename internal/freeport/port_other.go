//go:build unix && !linux

package freeport

import (
	"fmt"
	"net"
)

// Port is a port that was free when it was taken.
type Port struct{ number int }

// Take finds a port of 127.0.0.1 that is free.
func Take() (*Port, error) {
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		return nil, fmt.Errorf("take a free port: %w", err)
	}
	defer l.Close()
	return &Port{number: l.Addr().(*net.TCPAddr).Port}, nil
}

// GiveBack does nothing here.
func (p *Port) GiveBack() {}
