package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/websocket"
)

const (
	sockets       = 20
	socketMessage = 4 << 10
	socketPause   = 100 * time.Millisecond
	eventStreams  = 6 // of ten PHP workers
	pagePause     = 50 * time.Millisecond
)

// open is what one session has open at a time beside its pages.
type open struct {
	g       *gate
	session string
	plan    plan
}

// streams has one session do what lasts: WebSockets and event streams for a
// minute, an upload and a download of 1 GB, the latter by a client that reads
// slowly. Its pages must go on beside each of them wherever the turn is free, and
// the gate's memory and disk are watched all the time.
func streams(ctx context.Context, s *stand) ([]figure, error) {
	pool, err := s.startPHP(ctx, map[string]string{"auto_prepend_file": s.unlockedSessions()["auto_prepend_file"], "post_max_size": "0"})
	if err != nil {
		return nil, err
	}
	live, err := s.startEcho(ctx)
	if err != nil {
		return nil, err
	}
	config := gateConfig{
		server:   "max_body_size: 1GiB",
		spool:    fmt.Sprintf("max_disk: %dMiB, max_disk_per_client: 0", streamDisk>>20),
		upstream: phpUpstream(pool) + "}, {name: live, protocol: http, servers: [{address: \"" + live + "\"}]",
		rules:    "name: live, match: {path: [/live]}, upstream: live",
	}
	g, err := s.startGate(ctx, config)
	if err != nil {
		return nil, err
	}
	used, err := g.watchResources()
	if err != nil {
		return nil, err
	}
	o := &open{g: g, session: newSession(), plan: s.plan}
	var figures []figure
	for _, part := range []func(context.Context, string) ([]figure, error){o.beside, o.upload, o.download} {
		taken, err := part(ctx, config.said())
		if err != nil {
			return nil, errors.Join(err, used.stop())
		}
		figures = append(figures, taken...)
	}
	if err := errors.Join(g.idle(ctx), used.stop()); err != nil {
		return nil, err
	}
	with := fmt.Sprintf("%d WebSockets and %d event streams for %s, then %d MiB up, then %d MiB down; %s",
		sockets, eventStreams, s.plan.streamPhase, s.plan.streamSize>>20, s.plan.streamSize>>20, config.said())
	return append(figures,
		held("streams: most memory of the gate, MB", float64(used.memory)/1e6, 100, "resident, at its highest", with),
		held("streams: most disk of the gate, MiB", float64(used.disk>>20), streamDisk>>20, "temporary files, as the kernel counts them", with),
	), nil
}

// streamDisk is the bound that the gate is given.
const streamDisk = 1536 << 20

// beside measures the session's pages beside WebSockets and event streams.
func (o *open) beside(ctx context.Context, said string) ([]figure, error) {
	alone, err := o.pages(ctx, o.plan.streamPhase/4)
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	sent, failed := make([]int, sockets), make([]error, sockets+eventStreams)
	late := make([]time.Duration, eventStreams)
	for i := range sockets {
		all.Go(func() { sent[i], failed[i] = o.socket(running) })
	}
	for i := range eventStreams {
		all.Go(func() { late[i], failed[sockets+i] = o.events(ctx) })
	}
	took, err := o.pages(ctx, o.plan.streamPhase)
	stop()
	all.Wait()
	if err := errors.Join(errors.Join(failed...), err); err != nil {
		return nil, err
	}
	messages := 0
	for _, n := range sent {
		messages += n
	}
	worst := percentile(late, 100)
	with := fmt.Sprintf("%d WebSockets × %d KiB every %s, %d streams × an event every %s, %s of the same session every %s, for %s; %s",
		sockets, socketMessage>>10, socketPause, eventStreams, o.plan.eventEvery, nextPage, pagePause, o.plan.streamPhase, said)
	return []figure{
		stated("streams: WebSocket messages echoed", float64(messages), "none lost or changed", with),
		timed("streams: latest event, ms after it was due", inMillis(worst), o.plan.eventBound, "of all streams", with),
		timed("streams: page beside them / alone", ratio(median(took), median(alone)), o.plan.pageBound, millis(median(took), median(alone)), with),
	}, nil
}

// pages asks for one page of the session after the other until the time has
// passed, and returns how long each took.
func (o *open) pages(ctx context.Context, phase time.Duration) ([]time.Duration, error) {
	running, stop := context.WithTimeout(ctx, phase)
	defer stop()
	return o.pagesUntil(running)
}

// pagesUntil asks for one page at least.
func (o *open) pagesUntil(running context.Context) (took []time.Duration, err error) {
	c, err := dial(context.WithoutCancel(running), o.g.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	request := get(nextPage, o.session)
	for {
		began := time.Now()
		if _, err := c.do(request); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
		pause(running, pagePause)
		if running.Err() != nil {
			return took, nil
		}
	}
}

// socket sends messages over a WebSocket and expects each back, until ctx ends.
func (o *open) socket(ctx context.Context) (sent int, err error) {
	c, err := dial(context.WithoutCancel(ctx), o.g.address)
	if err != nil {
		return 0, err
	}
	defer c.close()
	config, err := websocket.NewConfig("ws://shop.example/live", "http://shop.example")
	if err != nil {
		return 0, err
	}
	config.Header.Set("Cookie", "PHPSESSID="+o.session)
	ws, err := websocket.NewClient(config, c.conn)
	if err != nil {
		return 0, fmt.Errorf("WebSocket: %w", err)
	}
	for ctx.Err() == nil {
		message := strconv.Itoa(sent) + strings.Repeat("m", socketMessage)
		var got string
		if err := errors.Join(websocket.Message.Send(ws, message), websocket.Message.Receive(ws, &got)); err != nil {
			return sent, fmt.Errorf("WebSocket, message %d: %w", sent, err)
		}
		if got != message {
			return sent, fmt.Errorf("WebSocket, message %d: %d bytes came back changed", sent, len(got))
		}
		sent++
		pause(ctx, socketPause)
	}
	return sent, ws.Close()
}

// events reads an event stream of the session, which has closed its session
// first, and returns the latest that an event came after it was due.
func (o *open) events(ctx context.Context) (late time.Duration, err error) {
	c, err := dial(ctx, o.g.address)
	if err != nil {
		return 0, err
	}
	defer c.close()
	n := int(o.plan.streamPhase / o.plan.eventEvery)
	stream, err := startDownload(c, get(fmt.Sprintf("/stream.php?control=release&n=%d&ms=%d", n, o.plan.eventEvery.Milliseconds()), o.session), 0)
	if err != nil {
		return 0, err
	}
	defer stream.body.Close()
	var before time.Time
	event := make([]byte, 0, 32)
	for i := 1; i <= n; i++ {
		want := fmt.Sprintf("data: %d\n\n", i)
		event = event[:len(want)]
		if _, err := io.ReadFull(stream.body, event); err != nil || string(event) != want {
			return 0, fmt.Errorf("event %d is %q: %w", i, event, err)
		}
		now := time.Now()
		if i > 1 {
			late = max(late, now.Sub(before)-o.plan.eventEvery)
		}
		before = now
	}
	return late, nil
}
