package page

import "sync"

// maxKept bounds what a page keeps rendered, in bytes.
const maxKept = 4 << 20

// cache keeps rendered pages. There are as many contents as there are refusals
// times seconds to wait, so it fills seldom; then it begins anew.
type cache struct {
	mu    sync.RWMutex
	pages map[Content][]byte
	size  int
}

func (c *cache) find(key Content) ([]byte, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	html, ok := c.pages[key]
	return html, ok
}

func (c *cache) keep(key Content, html []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pages == nil || c.size+len(html) > maxKept {
		c.pages, c.size = make(map[Content][]byte), 0
	}
	if _, ok := c.pages[key]; !ok {
		c.pages[key] = html
		c.size += len(html)
	}
}
