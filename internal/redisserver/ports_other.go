//go:build unix && !linux

package redisserver

import (
	"fmt"
	"net"
)

// reservation is a port of 127.0.0.1 that was free a moment ago. Only Linux
// lets it be kept for a server that is to listen on it.
type reservation struct{ port int }

func reservePort() (*reservation, error) {
	l, err := net.Listen("tcp", loopback+":0")
	if err != nil {
		return nil, fmt.Errorf("redisserver: find a free port: %w", err)
	}
	defer l.Close()
	return &reservation{port: l.Addr().(*net.TCPAddr).Port}, nil
}

func (r *reservation) release() {}
