// Package botua tells crawlers by their user agent: search engines, previews,
// monitors, scrapers and tools that name themselves.
//
// The data are those of crawler-user-agents (MIT), taken over unchanged in
// data/ with their version and licence; `make bots` renews them. They are some
// 1,500 regular expressions. Nearly all of them mean "contains one of these
// texts"; what such texts there are is worked out once, and a user agent is
// gone over once to find any of them. The few expressions that say more are
// asked only where a text that they need is there.
//
// A user agent is a claim. Crawlers that do not name themselves are not known
// here, and anybody may call himself Googlebot: who decides by it may choose a
// bucket, and grants nothing.
//
// Invariants: only the first 512 bytes of a user agent are looked at, so work
// is bounded whatever is sent; the memory of a [Detector] is bounded by its
// number of entries; an answer does not depend on what was asked before.
//
// The package does not check addresses (reverse DNS, published ranges), and
// does not tell good crawlers from bad ones.
package botua
