package rules

import "fmt"

// ShadowError says that a rule can never match, because an earlier one matches
// every request that it does.
type ShadowError struct {
	By     int    // position of the earlier rule
	Name   string // of the rule
	ByName string
}

func (e *ShadowError) Error() string {
	return fmt.Sprintf("%q can never match: rules[%d] %q, which stands before it, matches everything it does; put it before that rule or take it out", e.Name, e.By, e.ByName)
}

// RestsOn is the path of the key without which this is no mistake.
func (e *ShadowError) RestsOn() []string { return []string{fmt.Sprintf("rules[%d]", e.By)} }

// findShadowed names the rules that can never match. It is about rules that
// could be compiled whole; others have their own error.
func (c *compiler) findShadowed() {
	for late := range c.set.rules {
		for early := range late {
			e, l := &c.set.rules[early], &c.set.rules[late]
			if c.broken[early] || c.broken[late] || !covers(e, l) {
				continue
			}
			c.place = fmt.Sprintf("rules[%d]", late)
			c.fail("", "%w", &ShadowError{By: early, Name: l.policy.Rule, ByName: e.policy.Rule})
			break
		}
	}
}
