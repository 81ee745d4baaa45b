package botua

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

//go:embed data/crawler-user-agents.json
var crawlers []byte

//go:embed data/VERSION
var version string

// Version is that of the npm package whose data are built in.
func Version() string { return strings.TrimSpace(version) }

// crawler is one entry of the data. The fields that only say more about a
// crawler are left out.
type crawler struct {
	Pattern   string   `json:"pattern"`
	Instances []string `json:"instances"` // user agents that have been seen
}

func readCrawlers() ([]crawler, error) {
	var list []crawler
	if err := json.Unmarshal(crawlers, &list); err != nil {
		return nil, fmt.Errorf("crawler-user-agents %s: %w", Version(), err)
	}
	return list, nil
}

// known is the index of the built-in data, made when somebody asks for it: most
// gates have no rule about bots.
var known = sync.OnceValue(func() *index {
	list, err := readCrawlers()
	if err != nil {
		panic(err) // the data are compiled in, and a test reads them
	}
	patterns := make([]string, len(list))
	for i, c := range list {
		patterns[i] = c.Pattern
	}
	ix, err := newIndex(patterns)
	if err != nil {
		panic(err) // as above
	}
	return ix
})
