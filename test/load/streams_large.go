package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// upload sends a body in which the session's pages go on: the gate reads it
// before the request stands in line. They wait only while PHP reads it.
func (o *open) upload(ctx context.Context, said string) ([]figure, error) {
	alone, err := o.pages(ctx, o.plan.streamPhase/4)
	if err != nil {
		return nil, err
	}
	c, err := dial(ctx, o.g.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	sending, stop := context.WithCancel(ctx)
	defer stop()
	var took []time.Duration
	paged := make(chan error, 1)
	go func() {
		var err error
		took, err = o.pagesUntil(sending)
		paged <- err
	}()
	err = o.send(ctx, c)
	stop()
	var answer string
	if err == nil {
		answer, err = c.receive()
	}
	var saw struct{ Length int64 }
	if err = errors.Join(err, <-paged); err == nil {
		err = json.Unmarshal([]byte(answer), &saw)
	}
	if err == nil && saw.Length != o.plan.streamSize {
		err = fmt.Errorf("PHP saw %d of %d bytes", saw.Length, o.plan.streamSize)
	}
	if err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	with := fmt.Sprintf("%d MiB to /echo.php at %d MiB/s, %s of the same session every %s; %s", o.plan.streamSize>>20, o.plan.uploadRate>>20, nextPage, pagePause, said)
	return []figure{timed("streams: page beside an upload / alone", ratio(median(took), median(alone)), o.plan.pageBound, millis(median(took), median(alone)), with)}, nil
}

// send sends the upload's head and body at its rate.
func (o *open) send(ctx context.Context, c *connection) error {
	request := head("POST", "/echo.php", o.session) + fmt.Sprintf("Content-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", o.plan.streamSize)
	if err := c.send([]byte(request)); err != nil {
		return err
	}
	part := []byte(strings.Repeat("0123456789abcdef", 16<<10))
	began := time.Now()
	for sent := int64(0); sent < o.plan.streamSize; sent += int64(len(part)) {
		if err := c.send(part); err != nil {
			return fmt.Errorf("after %d bytes: %w", sent, err)
		}
		pause(ctx, time.Until(began.Add(time.Duration(sent)*time.Second/time.Duration(o.plan.uploadRate))))
	}
	return nil
}

// download has a slow client take a large answer. The session's pages wait until
// PHP has written it, which is until the spool has it, and then go on.
func (o *open) download(ctx context.Context, said string) ([]figure, error) {
	alone, err := o.pages(ctx, o.plan.streamPhase/4)
	if err != nil {
		return nil, err
	}
	c, err := dial(ctx, o.g.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	page := fmt.Sprintf("/big.php?mb=%d", o.plan.streamSize>>20)
	d, err := startDownload(c, get(page, o.session), o.plan.streamSize)
	if err != nil {
		return nil, err
	}
	reading, hurry := context.WithCancel(ctx)
	defer hurry()
	ended := make(chan error, 1)
	go func() { ended <- d.read(reading, o.plan.downloadRate) }()
	began := time.Now()
	_, err = o.pages(ctx, 0) // one page
	waited, read := time.Since(began), d.soFar.Load()
	var took []time.Duration
	if err == nil {
		took, err = o.pages(ctx, o.plan.streamPhase)
	}
	part := 100 * float64(d.soFar.Load()) / float64(o.plan.streamSize)
	hurry()
	if err := errors.Join(err, <-ended); err != nil {
		return nil, fmt.Errorf("download: %w", err)
	}
	with := fmt.Sprintf("%s at %g MiB/s, %s of the same session every %s; %s", page, mebibytes(o.plan.downloadRate), nextPage, pagePause, said)
	return []figure{
		held("streams: part of the download read when the next page came, %", 100*float64(read)/float64(o.plan.streamSize), 25, fmt.Sprintf("after %.1f s", waited.Seconds()), with),
		timed("streams: page beside the slow reader / alone", ratio(median(took), median(alone)), o.plan.pageBound, millis(median(took), median(alone))+fmt.Sprintf("; %.0f %% were read in the end", part), with),
	}, nil
}
