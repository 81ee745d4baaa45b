package freeport

import (
	"net"
	"strconv"
)

const host = "127.0.0.1"

// Number is the number of the port.
func (p *Port) Number() int { return p.number }

// Address is the port with its host, "127.0.0.1:6379".
func (p *Port) Address() string { return net.JoinHostPort(host, strconv.Itoa(p.number)) }
