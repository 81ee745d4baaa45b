package main

import (
	"context"
	"fmt"
	"os/exec"
)

// startRedis runs a redis-server that keeps nothing on disk.
func (s *stand) startRedis(ctx context.Context) (string, error) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return "", fmt.Errorf("redis-server is not installed; scripts/test-deps installs it: %w", err)
	}
	address, err := freePort(ctx)
	if err != nil {
		return "", err
	}
	c, err := s.startChild(binary, "--bind", "127.0.0.1", "--port", port(address), "--save", "", "--appendonly", "no", "--dir", s.dir)
	if err != nil {
		return "", err
	}
	return address, c.listens(ctx, address)
}
