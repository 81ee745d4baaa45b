package rules

import "slices"

// Reads says whether some rule looks at a header of that canonical name, or takes
// another method from it. What decides stands before the body: whoever merges a
// field behind it into the header would otherwise read another request than the
// rules have.
func (s *Set) Reads(header string) bool {
	return header == "User-Agent" || slices.Contains(overrideHeaders[:], header) || slices.ContainsFunc(s.rules, func(c compiled) bool {
		return slices.ContainsFunc(c.header, func(h headerValue) bool { return h.name == header })
	})
}
