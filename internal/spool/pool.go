package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// Errors of this package. A disk error also wraps what the system said.
var (
	ErrTooLarge = errors.New("spool: body is larger than allowed")
	ErrFull     = errors.New("spool: memory and disk of the spool are used up")
	ErrDisk     = errors.New("spool: temporary file failed")
	ErrClosed   = errors.New("spool: already closed")
)

// Limits bound what all bodies and pipes of a Pool hold together, in bytes.
// 0 is no limit. Pipes, which slow their upstreams down where bodies are refused,
// have at most three quarters of each.
type Limits struct {
	Memory int64 // pooled buffers, by their full size
	Disk   int64 // temporary files, by the largest size they had
}

// Usage is what a Pool holds now, but for Written, which only grows.
type Usage struct {
	Memory  int64 // bytes
	Disk    int64 // bytes
	Files   int64 // open temporary files
	Written int64 // bytes ever written to disk
}

// Pool is the spool of a process: one folder, one memory and one disk budget.
// Make it with Open. The exported fields may be changed before first use only.
type Pool struct {
	// Grace is how long a pipe whose memory is full waits for its reader before
	// it goes to disk. The allowance is used up by waiting and comes back with
	// every graceWindow bytes the reader takes. Default 10 ms; 0: at once.
	Grace time.Duration

	// OnDiskError is told once for each pipe that could not use its file and so
	// slows its upstream down instead. nil: nobody is told.
	OnDiskError func(error)

	dir     string
	open    func(dir string) (f *os.File, path string, err error) // openUnlinked; tests break it
	tmpfs   bool
	all     budgets
	shares  *shares // of them, for answers
	files   atomic.Int64
	written atomic.Int64
	closed  atomic.Bool
}

// Open checks that dir can be written, by creating a file there and removing it.
// An empty dir is the system's folder for temporary files.
func Open(dir string, l Limits) (*Pool, error) {
	if l.Memory < 0 || l.Disk < 0 {
		return nil, fmt.Errorf("spool: limits of %d bytes of memory and %d of disk: want 0 (no limit) or more", l.Memory, l.Disk)
	}
	if dir == "" {
		dir = os.TempDir()
	}
	p := &Pool{
		Grace: 10 * time.Millisecond,
		dir:   dir,
		open:  openUnlinked,
		all:   budgets{memory: newBudget(l.Memory, nil), disk: newBudget(l.Disk, nil)},
	}
	p.shares = newShares(budgets{
		memory: newBudget(answersPart(l.Memory), p.all.memory),
		disk:   newBudget(answersPart(l.Disk), p.all.disk),
	})
	f, err := p.create(p.all.disk, nil)
	if err != nil {
		return nil, explainFolder(dir, err)
	}
	f.release()
	p.tmpfs = onTmpfs(dir)
	return p, nil
}

// answersPart leaves a quarter to bodies.
func answersPart(limit int64) int64 { return limit - limit/4 }

// Dir is the folder the temporary files are in.
func (p *Pool) Dir() string { return p.dir }

// Tmpfs says that the folder is in memory (tmpfs, ramfs), so that what goes
// "to disk" takes memory all the same. Known on Linux only.
func (p *Pool) Tmpfs() bool { return p.tmpfs }

// Usage may be called at any time; its numbers are read one after another.
func (p *Pool) Usage() Usage {
	return Usage{
		Memory:  p.all.memory.used.Load(),
		Disk:    p.all.disk.used.Load(),
		Files:   p.files.Load(),
		Written: p.written.Load(),
	}
}

// Close refuses new bodies and new files. It does not take anything from bodies
// and pipes still open, and returns an error when there are any.
func (p *Pool) Close() error {
	p.closed.Store(true)
	if u := p.Usage(); u.Memory != 0 || u.Disk != 0 || u.Files != 0 {
		return fmt.Errorf("spool: closed while %d bytes of memory, %d bytes of disk and %d files are in use", u.Memory, u.Disk, u.Files)
	}
	return nil
}

// readSome reads at least one byte, or returns an error. A source that keeps
// answering neither is given up after 100 times.
func readSome(src io.Reader, p []byte) (int, error) {
	for range 100 {
		n, err := src.Read(p)
		if n < 0 || n > len(p) {
			return 0, fmt.Errorf("spool: source says it read %d bytes into %d", n, len(p))
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// isEOF is the clean end. An error that only wraps io.EOF is none: so a source
// may say that it broke off.
func isEOF(err error) bool {
	return err == io.EOF
}
