package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// resources is what a process has taken at most while it was watched, in bytes.
type resources struct {
	pid          int
	memory, disk int64

	end      chan struct{}
	watching sync.WaitGroup
}

// watchResources begins to watch the gate; stop ends it.
func (g *gate) watchResources() (*resources, error) {
	r := &resources{pid: g.pid(), end: make(chan struct{})}
	if _, err := r.peakMemory(); err != nil {
		return nil, err
	}
	r.watching.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			r.disk = max(r.disk, r.diskNow())
			select {
			case <-tick.C:
			case <-r.end:
				return
			}
		}
	})
	return r, nil
}

// stop ends the watch and reads the highest resident size that the process ever
// had, which the kernel has kept.
func (r *resources) stop() (err error) {
	close(r.end)
	r.watching.Wait()
	r.memory, err = r.peakMemory()
	return err
}

func (r *resources) peakMemory() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(after, " kB")
	kib, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("VmHWM of process %d: %w", r.pid, err)
	}
	return kib << 10, nil
}

// diskNow is the disk that the process's files without a name take.
func (r *resources) diskNow() (bytes int64) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", r.pid)) // the pattern is right
	for _, path := range files {
		target, err := os.Readlink(path)
		if err != nil || !strings.HasSuffix(target, " (deleted)") {
			continue // closed meanwhile, or no temporary file
		}
		var info syscall.Stat_t
		if syscall.Stat(path, &info) == nil {
			bytes += info.Blocks * 512
		}
	}
	return bytes
}
