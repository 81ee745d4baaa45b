package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sessiongate/sessiongate/internal/botua"
)

func (d *description) rules(cfg *Config) {
	if len(cfg.Rules) == 0 {
		d.line("No rules: all of this holds for every request.")
		return
	}
	d.line("Rules, of which the first that matches decides:")
	for i := range cfg.Rules {
		rule := &cfg.Rules[i]
		d.line("  %d. %s: %s %s%s.", i+1, rule.Name, rule.Match.inWords(), rule.inWords(), rule.enforcedInWords(cfg))
	}
	if slices.ContainsFunc(cfg.Rules, func(r Rule) bool { return r.Match.Bot != nil }) {
		d.line("Crawlers are known by their user agent, from crawler-user-agents %s.", botua.Version())
	}
}

// inWords says which requests a match holds for.
func (m Match) inWords() string {
	var parts []string
	add := func(before string, values []string) {
		if len(values) > 0 {
			parts = append(parts, before+strings.Join(values, " or "))
		}
	}
	add("", m.Method)
	add("host ", m.Host)
	add("path ", m.Path)
	add("the whole path matching ", m.PathRegex)
	add("query argument ", pairsInWords(m.Query))
	add("header ", pairsInWords(m.Header))
	add("user agent ", orNone(m.UserAgent))
	add("client ", networksInWords(m.Client))
	add("", flagInWords(m.Session, "with a session", "without a session"))
	add("", flagInWords(m.Bot, "from a crawler", "not from a crawler"))
	return "requests (" + strings.Join(parts, "; ") + ")"
}

func pairsInWords(pairs []NameValue) []string {
	var words []string
	for _, pair := range pairs {
		words = append(words, pair.Name+"="+pair.Value)
	}
	return words
}

// orNone says what an empty user agent is.
func orNone(values []string) []string {
	words := slices.Clone(values)
	for i, value := range words {
		if value == "" {
			words[i] = "none"
		}
	}
	return words
}

func networksInWords(networks []netip.Prefix) []string {
	var words []string
	for _, network := range networks {
		words = append(words, network.String())
	}
	return words
}

func flagInWords(flag *bool, yes, no string) []string {
	switch {
	case flag == nil:
		return nil
	case *flag:
		return []string{yes}
	}
	return []string{no}
}

// inWords says what a rule does to the requests that it matches.
func (rule *Rule) inWords() string {
	if rule.rejects() {
		status := DefaultRejectStatus
		if rule.Status != nil {
			status = *rule.Status
		}
		return fmt.Sprintf("are refused with %d", status)
	}
	var parts []string
	if rule.Lock != nil {
		parts = append(parts, map[LockMode]string{
			ModeExclusive: "run one at a time",
			ModeBarrier:   "run after those before them, without a turn",
			ModeNone:      "do not wait for each other",
		}[*rule.Lock])
	}
	if rule.LockGroup != nil {
		parts = append(parts, "have a line of their own ("+*rule.LockGroup+")")
	}
	if rule.Upstream != nil {
		parts = append(parts, "go to "+*rule.Upstream)
	}
	if rule.Busy != nil && *rule.Busy == BusyReject {
		parts = append(parts, "are refused with 429 when their session is busy")
	}
	if limits := rule.limitsInWords(); limits != "" {
		parts = append(parts, limits)
	}
	if settings := rule.settingsInWords(); settings != "" {
		parts = append(parts, "have "+settings)
	}
	if len(parts) == 0 {
		return "are treated as everything else"
	}
	return strings.Join(parts, ", ")
}

// settingsInWords repeats what a rule sets beside its mode, as written.
func (rule *Rule) settingsInWords() string {
	told := map[string]bool{"name": true, "match": true, "lock": true, "lock_group": true, "busy": rule.Busy != nil && *rule.Busy == BusyReject, "upstream": true, "action": true, "limits": true, "skip_limits": true, "enforce": true}
	var settings []string
	tree := ruleTree(rule)
	for _, key := range saidKeys(rule) {
		if told[key] {
			continue
		}
		section, ok := tree[key].(map[string]any)
		if !ok {
			settings = append(settings, key+" "+limitInWords(key, tree[key]))
			continue
		}
		for _, below := range []string{"cookie", "header"} {
			if value, said := section[below]; said {
				settings = append(settings, key+" "+below+" "+formatScalar(value))
			}
		}
	}
	return strings.Join(settings, ", ")
}

// limitInWords says 0 as "no limit", but for a delay, where it is none.
func limitInWords(key string, value any) string {
	text := formatScalar(value)
	if (text == "0" || text == "0s") && key != "release_delay" {
		return "no limit"
	}
	return text
}
