package redisserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sessiongate/sessiongate/internal/freeport"
)

const loopback = "127.0.0.1"

// place is where a server listens and keeps its files.
type place struct {
	port   *freeport.Port
	bus    *freeport.Port // of a cluster's node, where it talks to the others
	dir    string
	ownDir bool
}

// takePlace makes a scratch folder, a temporary one for "", and keeps a port.
func takePlace(dir string) (place, error) {
	p := place{dir: dir}
	var err error
	if dir == "" {
		p.ownDir = true
		p.dir, err = os.MkdirTemp("", "sg-redis-")
	} else {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return place{}, fmt.Errorf("redisserver: scratch folder: %w", err)
	}
	if p.port, err = freeport.Take(); err != nil {
		return place{}, errors.Join(fmt.Errorf("redisserver: %w", err), p.removeDir())
	}
	return p, nil
}

func (p *place) configFile() string { return filepath.Join(p.dir, "redis.conf") }
func (p *place) socket() string     { return filepath.Join(p.dir, "redis.sock") }
func (p *place) caFile() string     { return filepath.Join(p.dir, "ca.pem") }
func (p *place) certFile() string   { return filepath.Join(p.dir, "server.pem") }
func (p *place) keyFile() string    { return filepath.Join(p.dir, "server-key.pem") }

// leave gives the ports back and removes a folder of its own.
func (p *place) leave() error {
	p.port.GiveBack()
	if p.bus != nil {
		p.bus.GiveBack()
	}
	return p.removeDir()
}

func (p *place) removeDir() error {
	if !p.ownDir {
		return nil
	}
	return os.RemoveAll(p.dir)
}
