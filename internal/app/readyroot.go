package app

import (
	"context"
	"fmt"

	"github.com/sessiongate/sessiongate/internal/docroot"
)

// readyRoot is a local_root that requests need: without it each of them is answered
// with 502, and at once, so that a balancer would send this gate the most.
type readyRoot struct {
	dir     string
	looking chan struct{} // has one place, taken by who looks
}

func newReadyRoot(dir string) *readyRoot {
	return &readyRoot{dir: dir, looking: make(chan struct{}, 1)}
}

// look says why the folder cannot be opened; nil: it can. A mount that hangs has
// one goroutine wait for it, which nobody can end, and no more.
func (r *readyRoot) look(ctx context.Context) error {
	found := make(chan error, 1)
	select {
	case r.looking <- struct{}{}:
		go func() {
			defer func() { <-r.looking }()
			found <- openable(r.dir)
		}()
	case <-ctx.Done():
		return r.silent()
	}
	select {
	case err := <-found:
		return err
	case <-ctx.Done():
		return r.silent()
	}
}

func (r *readyRoot) silent() error {
	return fmt.Errorf("local_root: the file system of %s does not answer", r.dir)
}

func openable(dir string) error {
	root, err := docroot.Open(dir)
	if err != nil {
		return err
	}
	return root.Close()
}
