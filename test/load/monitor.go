package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
)

// monitor counts what clients ask of Redis. MONITOR tells those commands from
// what scripts call; INFO commandstats adds the two up.
type monitor struct {
	redis *redisServer
	conn  net.Conn
	lines *bufio.Scanner
}

func (r *redisServer) monitor(ctx context.Context) (*monitor, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.Address())
	if err != nil {
		return nil, err
	}
	m := &monitor{redis: r, conn: conn, lines: bufio.NewScanner(conn)}
	if _, err = conn.Write([]byte("MONITOR\r\n")); err == nil && !m.lines.Scan() { // +OK
		err = fmt.Errorf("MONITOR is not answered: %w", m.lines.Err())
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return m, nil
}

// commands ends the monitor and returns how often each command was asked for
// since it began.
func (m *monitor) commands(ctx context.Context) (map[string]int, error) {
	defer m.conn.Close()
	const last = "that was the last one"
	if err := m.redis.client.Echo(ctx, last).Err(); err != nil {
		return nil, err
	}
	asked := map[string]int{}
	for m.lines.Scan() { // +1763778000.123456 [0 127.0.0.1:40000] "evalsha" "…"
		from, words, _ := strings.Cut(m.lines.Text(), `] "`)
		command, arguments, _ := strings.Cut(words, `"`)
		switch {
		case strings.Contains(arguments, last):
			return asked, nil
		case !strings.HasSuffix(from, " lua"):
			asked[strings.ToLower(command)]++
		}
	}
	return nil, fmt.Errorf("MONITOR ends: %w", m.lines.Err())
}

func sum(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}
