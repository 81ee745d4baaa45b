//go:build !linux

package main

import "errors"

// taken needs Linux's count of what a unix socket's other side has not read.
func (c *connection) taken() (bool, error) {
	return false, errors.New("whether the gate has read a request is known on Linux only")
}
