package session

import (
	"math/rand/v2"
	"strings"
)

// generator makes Cookie headers that lie close to where parsers differ. The
// same seed gives the same headers.
type generator struct {
	*rand.Rand
	name string // the session's
}

func (g generator) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g generator) chance(percent int) bool { return g.IntN(100) < percent }

// lines are the values of one request's Cookie headers.
func (g generator) lines() []string {
	lines := make([]string, 1+g.IntN(6)/4)
	for i := range lines {
		lines[i] = g.line()
	}
	return lines
}

func (g generator) line() string {
	var b strings.Builder
	if g.chance(2) {
		g.flood(&b)
	}
	for range 1 + g.IntN(5) {
		b.WriteString(g.pair())
		b.WriteString(g.pick(";", "; ", "; ", "; ", ";  ", ";;", " ; ", ";\t", "; \v", ";\n ", ", ", ""))
	}
	return b.String()
}

// flood brings the count of cookies close to PHP's limit.
func (g generator) flood(b *strings.Builder) {
	junk := g.pick("a=b;", "x; ", "=;a;", ";; y=;")
	for range 995 + g.IntN(10) {
		b.WriteString(junk)
	}
}

func (g generator) pair() string {
	switch g.IntN(12) {
	case 0:
		return g.pick("", "=", "==", " ", "=x", "\t=", "lang=de", "_ga=GA1.2.3", "a[]=b", "[]=x", "[=x", "]=x")
	case 1:
		return g.cookieName()
	}
	return g.cookieName() + "=" + g.value()
}

func (g generator) cookieName() string {
	n := g.name
	switch g.IntN(20) {
	case 0:
		return strings.ToLower(n)
	case 1:
		return n[:len(n)-1]
	case 2:
		return n + g.pick("x", " ", ".", "_", "\t", "]", "[", "%00", "\xff")
	case 3:
		return g.pick(" ", "\t", "\n", "\v\f\r", ".", "_", "\x1f", "\xa0", "%20") + n
	case 4:
		return g.escape(n, 30)
	case 5:
		return n + g.indices()
	case 6:
		return n + strings.Repeat(g.pick("[]", "[x]", "[ ]", "[__Host-x]", "[__Secure-]"), 62+g.IntN(5))
	case 7, 8, 9:
		return g.respell(n)
	}
	return n
}

// respell puts other characters where the name has some that PHP folds to.
func (g generator) respell(n string) string {
	b := []byte(n)
	for i, c := range b {
		if strings.IndexByte("_. [", c) >= 0 && g.chance(60) {
			b[i] = "_. [-"[g.IntN(5)]
		}
	}
	return string(b)
}

func (g generator) indices() string {
	var b strings.Builder
	for range 1 + g.IntN(3) {
		b.WriteString(g.pick("[]", "[a]", "[ ]", "[", "]", "[ x]", "[a.b]", "[a", "][", "x"))
	}
	return b.String()
}

func (g generator) value() string {
	switch g.IntN(16) {
	case 0:
		return ""
	case 1:
		return `"` + g.id() + `"`
	case 2:
		return g.id() + g.pick("%", "%4", "%zz", "%%41", "%2", "%g0", "%0", "%2541", "+", "+%2b", "%C3%A4", "\xe4", "%ff")
	case 3:
		return g.id() + g.pick("%00", "%00x", "%00<", "%00%00") + g.id()
	case 4:
		return "%00" + g.id()
	case 5:
		return g.id() + g.escape(g.pick("<", ">", "'", `"`, `\`, " ", "\t", "\r", "\n"), 60) + g.id()
	case 6:
		return g.id() + g.escape(g.pick("\x01", "\x0b", "\x7f", "\x80", "=", ",", "&", ";", "/", "../", "{", "|"), 60) + g.id()
	case 7:
		return g.pick(" ", "\t", "%20", "%09") + g.id()
	case 8:
		return g.id() + g.pick(" ", "\t", "%20", "%09")
	case 9:
		return strings.Repeat(g.id(), 1+g.IntN(400))
	case 10, 11, 12:
		return g.escape(g.id(), 40)
	}
	return g.id()
}

func (g generator) id() string {
	const letters = "abcXYZ019-,"
	b := make([]byte, 1+g.IntN(12))
	for i := range b {
		b[i] = letters[g.IntN(len(letters))]
	}
	return string(b)
}

// escape percent-encodes some of the bytes, in either case.
func (g generator) escape(s string, percent int) string {
	var b strings.Builder
	for i := range len(s) {
		if !g.chance(percent) {
			b.WriteByte(s[i])
			continue
		}
		digits := g.pick("0123456789abcdef", "0123456789ABCDEF")
		b.WriteString(string([]byte{'%', digits[s[i]>>4], digits[s[i]&15]}))
	}
	return b.String()
}
