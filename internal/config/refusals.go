package config

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sessiongate/sessiongate/proxy/page"
)

// Page reads and tries out the page for refusals; it is the gate's own where
// none is configured. The file is read at each call.
func (r Refusals) Page() (*page.Page, error) {
	if r.PageFile == "" {
		return page.Default(), nil
	}
	const path = "refusals.page_file"
	text, err := readPage(r.PageFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p, err := page.Parse(r.PageFile, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// readPage reads no more than shows that a file is too large: the path may name
// a device.
func readPage(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, unreadable(name, err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, errors.New(name + " is a folder, want a file")
	}
	text, err := io.ReadAll(io.LimitReader(file, page.MaxSize+1))
	if err != nil {
		return nil, unreadable(name, err)
	}
	return text, nil
}

// refusalPage tries the page out, and warns of one that people would be stuck
// at.
func (i *inspection) refusalPage(r Refusals) {
	p, err := r.Page()
	i.broken(err)
	if err == nil && !p.Reloads() {
		i.warn("refusals.page_file", "%s has no {{.Reload}}: it does not come again by itself", r.PageFile)
	}
}
