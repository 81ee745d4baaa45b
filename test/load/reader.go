package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	downloadSize = 20 << 20
	downloadPage = "/big.php?mb=20"
	nextPage     = "/counter.php?ms=5"
)

// reader has one session download 20 MB and ask for its next page at once. It
// compares how long the next page takes behind a client that reads slowly with
// how long it takes behind one that reads as fast as it can.
func reader(ctx context.Context, s *stand) ([]figure, error) {
	pool, err := s.startPHP(ctx, s.unlockedSessions())
	if err != nil {
		return nil, err
	}
	config := gateConfig{upstream: phpUpstream(pool)}
	g, err := s.startGate(ctx, config)
	if err != nil {
		return nil, err
	}
	var slow, fast []time.Duration
	var most int64
	for round := range s.plan.rounds {
		for turn := range 2 {
			if (round+turn)%2 == 0 { // who begins changes from round to round
				took, _, err := nextBehind(ctx, g, 0)
				if err != nil {
					return nil, err
				}
				fast = append(fast, took)
				continue
			}
			took, read, err := nextBehind(ctx, g, s.plan.readerRate)
			if err != nil {
				return nil, err
			}
			slow, most = append(slow, took), max(most, read)
		}
	}
	with := fmt.Sprintf("%s at %g MiB/s, then %s of the same session; %s", downloadPage, mebibytes(s.plan.readerRate), nextPage, config.said())
	subject, base := s.plan.typical(slow), s.plan.typical(fast)
	s.progress("next page: %.1f ms behind a slow reader, %.1f ms behind a fast one", inMillis(subject), inMillis(base))
	return []figure{
		timed("slow reader: next page behind a slow / a fast reader", ratio(subject, base), s.plan.readerBound, millis(subject, base), with),
		held("slow reader: part of the download read by then, %", 100*float64(most)/downloadSize, 25, "worst of all rounds", with),
	}, nil
}

// nextBehind starts a download, sends the session's next request as soon as the
// download has its headers, and returns the time that request took and how much
// of the download had been read by then. The rest is read at full speed: all
// of it has to be there.
func nextBehind(ctx context.Context, g *gate, rate int64) (took time.Duration, read int64, err error) {
	session := newSession()
	connections, err := dialEach(ctx, g.address, 2)
	if err != nil {
		return 0, 0, err
	}
	defer closeEach(connections)
	download, err := startDownload(connections[0], get(downloadPage, session), downloadSize)
	if err != nil {
		return 0, 0, err
	}
	reading, hurry := context.WithCancel(ctx)
	defer hurry()
	ended := make(chan error, 1)
	go func() { ended <- download.read(reading, rate) }()

	began := time.Now()
	_, err = connections[1].do(get(nextPage, session))
	took, read = time.Since(began), download.soFar.Load()
	hurry()
	if whole := <-ended; err == nil {
		err = whole
	}
	if err == nil {
		err = g.idle(ctx)
	}
	return took, read, err
}

// download is an answer that is being read.
type download struct {
	body  io.ReadCloser
	size  int64
	soFar atomic.Int64 // bytes read
}

// startDownload sends the request and reads the headers of its answer, which has
// a body of that size.
func startDownload(c *connection, request []byte, size int64) (*download, error) {
	// A small receive buffer: what the kernel takes in has not been read.
	if err := c.receiveBuffer(64 << 10); err != nil {
		return nil, err
	}
	if err := c.send(request); err != nil {
		return nil, err
	}
	c.answer = bufio.NewReaderSize(c.conn, 4<<10)
	resp, err := http.ReadResponse(c.answer, nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		line, _, _ := bytes.Cut(request, []byte("\r\n"))
		return nil, fmt.Errorf("%s: %s", line, resp.Status)
	}
	return &download{body: resp.Body, size: size}, nil
}

// read reads the whole download at a rate, and what is left at full speed once
// ctx has ended.
func (d *download) read(ctx context.Context, rate int64) error {
	defer d.body.Close()
	began := time.Now()
	part := make([]byte, 16<<10)
	for {
		n, err := d.body.Read(part)
		read := d.soFar.Add(int64(n))
		switch {
		case err == io.EOF && read == d.size:
			return nil
		case err != nil:
			return fmt.Errorf("the download ended after %d of %d bytes: %w", read, d.size, err)
		}
		if rate > 0 {
			pause(ctx, time.Until(began.Add(time.Duration(read)*time.Second/time.Duration(rate))))
		}
	}
}

func mebibytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
