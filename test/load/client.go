package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// connection is one keep-alive connection of a client. Its methods may be
// called from one goroutine at a time.
type connection struct {
	conn   net.Conn
	answer *bufio.Reader
	forget func() bool
}

// dial connects a client to host:port or unix:/path. Everything on the
// connection fails once ctx ends.
func dial(ctx context.Context, address string) (*connection, error) {
	network := "tcp"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &connection{
		conn:   conn,
		answer: bufio.NewReader(conn),
		forget: context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }),
	}, nil
}

// dialEach opens n connections; on an error none is left open.
func dialEach(ctx context.Context, address string, n int) ([]*connection, error) {
	all := make([]*connection, 0, n)
	for range n {
		c, err := dial(ctx, address)
		if err != nil {
			closeEach(all)
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func closeEach(all []*connection) {
	for _, c := range all {
		c.close()
	}
}

func (c *connection) close() {
	c.forget()
	_ = c.conn.Close()
}

// vanish ends the connection as a client does that is gone: with a reset, or
// in order.
func (c *connection) vanish(reset bool) {
	if reset {
		_ = c.conn.(*net.TCPConn).SetLinger(0) // else it ends in order
	}
	c.close()
}

// receiveBuffer bounds what the kernel takes in before it is read.
func (c *connection) receiveBuffer(bytes int) error {
	return c.conn.(*net.TCPConn).SetReadBuffer(bytes)
}

// send writes a request.
func (c *connection) send(request []byte) error {
	_, err := c.conn.Write(request)
	return err
}

// receive reads the answer to the oldest request that has none yet. An answer
// other than 200 is an error.
func (c *connection) receive() (string, error) {
	a, err := c.receiveAny()
	if err == nil && a.status != http.StatusOK {
		err = fmt.Errorf("answered %d %s: %s", a.status, http.StatusText(a.status), a.body)
	}
	return a.body, err
}

// answered is an answer of any status.
type answered struct {
	status int
	header http.Header
	body   string
}

// receiveAny is receive for who expects refusals.
func (c *connection) receiveAny() (answered, error) {
	resp, err := http.ReadResponse(c.answer, nil)
	if err != nil {
		return answered{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answered{status: resp.StatusCode, header: resp.Header, body: string(body)}, err
}

// do sends a request and waits for its answer.
func (c *connection) do(request []byte) (string, error) {
	if err := c.send(request); err != nil {
		return "", err
	}
	return c.receive()
}

// get renders a request with the headers that a browser sends; an empty
// session sends no cookie.
func get(path, session string) []byte {
	return []byte(head("GET", path, session) + "\r\n")
}

// from is a request that a proxy in front passes on for a client.
func from(client string, request []byte) []byte {
	line, rest, _ := bytes.Cut(request, []byte("\r\n"))
	return slices.Concat(line, []byte("\r\nX-Forwarded-For: "+client+"\r\n"), rest)
}

// post is get with a body.
func post(path, session, body string) []byte {
	return []byte(head("POST", path, session) +
		"Content-Type: application/octet-stream\r\n" +
		"Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

func head(method, path, session string) string {
	cookie := ""
	if session != "" {
		cookie = "Cookie: PHPSESSID=" + session + "\r\n"
	}
	return method + " " + path + " HTTP/1.1\r\n" +
		"Host: shop.example\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
		"Accept-Language: en-US,en;q=0.5\r\n" +
		"Accept-Encoding: gzip, deflate, br\r\n" +
		cookie
}

// newSession is an id as PHP makes them.
func newSession() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
