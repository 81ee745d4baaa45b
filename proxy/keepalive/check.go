package keepalive

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// Check asks the server for a path, on a connection of its own; an answer below
// 400 is well. With an empty path it only connects.
func (t *Transport) Check(ctx context.Context, path string) error {
	c, err := t.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	if path == "" {
		return nil
	}
	req := &http.Request{
		Method: http.MethodGet,
		URL:    &url.URL{Scheme: "http", Host: "localhost", Path: path},
		Host:   "localhost",
		Header: http.Header{"User-Agent": {"sessiongate-health"}},
		Body:   http.NoBody,
		Close:  true,
	}
	resp, err := c.roundTrip(req.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	_ = resp.Body.Close() // the status is all that counts
	if resp.StatusCode < 200 || resp.StatusCode >= 400 {
		return fmt.Errorf("GET %s: status %d, want 200 to 399", path, resp.StatusCode)
	}
	return nil
}
