package fastcgi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Check asks PHP-FPM for a script by its URL path, whatever the resolver would
// find for it: PHP-FPM's own ping.path and pm.status_path are such names, for
// which there is no file. An answer below 400 that comes to its end is well.
// With an empty path it only connects, which takes no worker.
func (t *Transport) Check(ctx context.Context, path string) error {
	if path == "" {
		conn, err := t.dialer.Connect(ctx)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	req := &http.Request{
		Method: http.MethodGet,
		URL:    &url.URL{Path: path},
		Proto:  "HTTP/1.1",
		Host:   "localhost",
		Header: http.Header{"User-Agent": {"sessiongate-health"}},
		Body:   http.NoBody,
	}
	x := newExchange(t, req.WithContext(ctx))
	x.script = &Script{Name: path}
	resp, err := roundTrip(x)
	if err != nil {
		if unfinished, ok := err.(io.Closer); ok {
			_ = unfinished.Close() // nobody needs the rest
		}
		return fmt.Errorf("%s: %w", path, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		return fmt.Errorf("%s: status %d, want 200 to 399", path, resp.StatusCode)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
