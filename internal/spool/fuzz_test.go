package spool

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// feed is a source that a test gives bytes to.
type feed struct {
	mu      sync.Mutex
	pending bytes.Buffer
	over    error
	wake    chan struct{}
}

func newFeed() *feed { return &feed{wake: make(chan struct{}, 1)} }

func (f *feed) give(p []byte) {
	f.mu.Lock()
	f.pending.Write(p)
	f.mu.Unlock()
	signal(f.wake)
}

func (f *feed) end(err error) {
	if err == nil {
		err = io.EOF
	}
	f.mu.Lock()
	f.over = err
	f.mu.Unlock()
	signal(f.wake)
}

func (f *feed) Read(p []byte) (int, error) {
	for {
		f.mu.Lock()
		n, _ := f.pending.Read(p)
		over := f.over
		f.mu.Unlock()
		if n > 0 {
			return n, nil
		}
		if over != nil {
			return 0, over
		}
		<-f.wake
	}
}

// FuzzPipe runs a program against a pipe and against a bytes.Buffer. Once
// everything has come to rest, the pipe has bytes exactly when the buffer has.
func FuzzPipe(f *testing.F) {
	f.Add([]byte{3, 0, 0, 0, 0x10, 0xff, 0x20, 0x30, 0x10, 0xff, 0x20, 0x20, 0x50})
	f.Add([]byte{3, 0, 8, 0x28, 0x1f, 0xff, 0x30, 0x1f, 0xff, 0x30, 0x20, 0x20, 0x20, 0x1f, 0xff, 0x20, 0x50})
	f.Add([]byte{1, 1, 1, 0, 0x1f, 0xff, 0x1f, 0xff, 0x30, 0x20, 0x20, 0x60})
	f.Add([]byte{0, 2, 0, 9, 0x1f, 0xff, 0x1f, 0x01, 0x20, 0x1f, 0xff, 0x20, 0x40})
	f.Add([]byte{0, 0, 3, 3, 0x1f, 0xff, 0x30, 0x1f, 0xff, 0x30, 0x20, 0x20, 0x20, 0x1f, 0xff, 0x20, 0x50})
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) < 4 || len(program) > 200 {
			return
		}
		memory := [...]int64{0, 1, 10_000, 70_000}
		l := PipeLimits{
			Memory:     memory[program[0]%4],
			Max:        [...]int64{0, 1, 40_000, 300_000}[program[1]%4],
			MemoryOnly: program[0]&4 != 0,
			Client: Client{
				Key:    "a",
				Memory: memory[program[2]/4%4],
				Disk:   [...]int64{0, 1, 20_000, 200_000}[program[3]/16%4],
			},
		}
		pool := openPool(t, Limits{
			Memory: memory[program[2]%4],
			Disk:   [...]int64{0, 1, 30_000, 300_000}[program[3]%4],
		})
		if program[3]&8 != 0 {
			pool.Grace = 0
		}
		synctest.Test(t, func(t *testing.T) {
			m := &model{t: t, pool: pool, limits: l, pipe: pool.NewPipe(l), feed: newFeed()}
			m.done = filling(t.Context(), m.pipe, m.feed)
			m.run(program[4:])
		})
	})
}

type model struct {
	t      *testing.T
	pool   *Pool
	limits PipeLimits
	pipe   *Pipe
	feed   *feed
	done   <-chan error
	want   bytes.Buffer // given to the source and not yet read
	given  int
	over   error
	left   bool
}

func (m *model) run(program []byte) {
	for i, op := range program {
		switch op >> 4 {
		case 0, 1: // the source has (low bits and next byte) more bytes
			n := int(op&15) << 12
			if i+1 < len(program) {
				n += int(program[i+1])
			}
			if !m.feedOver() && m.given < 4<<20 {
				p := pattern(m.given + n)[m.given:]
				m.given += n
				m.want.Write(p)
				m.feed.give(p)
			}
		case 2:
			m.read()
		case 3:
			time.Sleep(20 * time.Millisecond)
		case 4:
			m.end(nil)
		case 5:
			m.end(errBroken)
		case 6:
			m.pipe.CloseRead()
			m.left = true
		case 7:
			synctest.Wait()
		}
		m.checkBounds()
	}
	m.end(nil)
	for m.read() == nil {
	}
	m.pipe.CloseRead()
	if err := <-m.done; !errors.Is(err, m.over) {
		m.t.Errorf("Fill: %v, want %v", err, m.over)
	}
}

func (m *model) end(err error) {
	if !m.feedOver() {
		m.over = err
		m.feed.end(err)
	}
}

func (m *model) feedOver() bool {
	m.feed.mu.Lock()
	defer m.feed.mu.Unlock()
	return m.feed.over != nil
}

// read takes one piece and holds it against the model. It returns the end.
func (m *model) read() error {
	m.t.Helper()
	time.Sleep(20 * time.Millisecond) // longer than the grace
	synctest.Wait()
	b, ok, err := m.pipe.TryNext()
	switch {
	case m.left:
		if !errors.Is(err, ErrClosed) {
			m.t.Fatalf("read after CloseRead: %v", err)
		}
		return err
	case ok:
		if want := m.want.Next(len(b)); !bytes.Equal(b, want) {
			m.t.Fatalf("%d bytes that are not those that went in", len(b))
		}
	case m.want.Len() > 0:
		m.t.Fatalf("nothing to read (%v), though %d bytes went in", err, m.want.Len())
	case err != nil:
		want := m.over
		if want == nil {
			want = io.EOF
		}
		if !m.feedOver() || !errors.Is(err, want) {
			m.t.Fatalf("end is %v, want %v", err, want)
		}
		return err
	case m.feedOver():
		m.t.Fatal("no end")
	}
	return nil
}

func (m *model) checkBounds() {
	m.t.Helper()
	u := m.pool.Usage()
	if l := m.pool.shares.answers.memory.limit.Load(); u.Memory-2*smallSize > l {
		m.t.Fatalf("memory %d, limit %d", u.Memory, l)
	}
	if l := m.limits.Memory; l > 0 && u.Memory > max(l, 0)+2*smallSize {
		m.t.Fatalf("memory %d, limit of the pipe %d", u.Memory, l)
	}
	if l := m.pool.shares.answers.disk.limit.Load(); u.Disk > l {
		m.t.Fatalf("disk %d, limit %d", u.Disk, l)
	}
	if l := m.limits.Client.Memory; l > 0 && u.Memory > l+2*smallSize {
		m.t.Fatalf("memory %d, limit of the client %d", u.Memory, l)
	}
	if l := m.limits.Client.Disk; l > 0 && u.Disk > l {
		m.t.Fatalf("disk %d, limit of the client %d", u.Disk, l)
	}
	if l := m.limits.Max; l > 0 && u.Disk > l {
		m.t.Fatalf("disk %d, limit of the pipe %d", u.Disk, l)
	}
	if m.limits.MemoryOnly && u.Written > 0 {
		m.t.Fatal("a pipe that must not use the disk did")
	}
}

// FuzzBody reads generated bodies with every kind of declared size and limit.
func FuzzBody(f *testing.F) {
	f.Add(uint32(70_000), int32(-1), uint32(1000), uint32(0), uint16(300))
	f.Add(uint32(4096), int32(4096), uint32(0), uint32(4096), uint16(9000))
	f.Add(uint32(4097), int32(4096), uint32(100), uint32(4096), uint16(1))
	f.Fuzz(func(t *testing.T, size uint32, declared int32, memory, most uint32, piece uint16) {
		size %= 300_000
		pool := openPool(t, Limits{})
		data := pattern(int(size))
		src := &pieces{data: data, size: max(1, int(piece))}
		b, err := pool.ReadBody(src, int64(declared), BodyLimits{Memory: int64(memory), Max: int64(most)})
		if most > 0 && (int64(declared) > int64(most) || size > most) {
			if !errors.Is(err, ErrTooLarge) {
				t.Fatalf("%v, want ErrTooLarge", err)
			}
			if len(data)-len(src.data) > int(most)+1 {
				t.Fatalf("read %d bytes for a limit of %d", len(data)-len(src.data), most)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(b.Reader())
		if err != nil || !bytes.Equal(got, data) || b.Size() != int64(size) {
			t.Fatalf("%d of %d bytes, %v", len(got), size, err)
		}
		if memory > 0 && pool.Usage().Disk != max(0, int64(size)-int64(memory)) {
			t.Fatalf("%+v for %d bytes of which %d may be in memory", pool.Usage(), size, memory)
		}
		b.Close()
	})
}

// pieces gives data in pieces of one size, the last one together with io.EOF.
type pieces struct {
	data []byte
	size int
}

func (r *pieces) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), r.size)], r.data)
	r.data = r.data[n:]
	if len(r.data) == 0 {
		return n, io.EOF
	}
	return n, nil
}
