package rules

import (
	"bytes"
	"strings"
	"sync"

	"github.com/sessiongate/sessiongate/internal/phpvar"
)

// argumentNames are the names that rules ask for. Requests are read for all of
// them at once.
type argumentNames struct {
	numbers map[string]int
	begins  [256]bool // how a sent name begins that may be one of them
	free    sync.Pool // of *arguments
}

// number returns that of a name, which is given where it has none.
func (n *argumentNames) number(name string) int {
	if known, ok := n.numbers[name]; ok {
		return known
	}
	if n.numbers == nil {
		n.numbers = make(map[string]int)
		n.begins[' '], n.begins['+'], n.begins['%'] = true, true, true
	}
	for c := range len(n.begins) {
		if name != "" && phpvar.Fold(string([]byte{byte(c)})) == name[:1] {
			n.begins[c] = true
		}
	}
	n.numbers[name] = len(n.numbers)
	return n.numbers[name]
}

// arguments are what a query makes of those names, found in one walk whatever
// the number of rules. A value is decoded once, when it is first compared.
type arguments struct {
	query   string
	all     []spelled // by number
	few     []spelled // of PHP's default of max_input_vars alone, where there are
	more    bool      // more than that
	decoded []byte    // the values that had to be
	name    []byte    // space for one name,
	sent    []byte    // and for how it was sent
}

// spelled is what an argument is in the end.
type spelled struct {
	found    phpvar.Spelling
	decoded  bool // the value stands among those; else in the query, as it was sent
	from, to int
}

// maxKept is how long a space may be that is kept for other requests.
const maxKept = 4 << 10

// arguments is nil where there is no query.
func (f *facts) arguments() *arguments {
	if f.query == nil && f.request.RawQuery != "" {
		f.query = f.names.read(f.request.RawQuery)
	}
	return f.query
}

// done gives back what other requests can use. The facts must not be asked again.
func (f *facts) done() {
	q := f.query
	if q != nil && max(cap(q.decoded), cap(q.name), cap(q.sent)) <= maxKept {
		q.query, f.query = "", nil
		f.names.free.Put(q)
	}
}

// read walks the query as php_default_treat_data does.
func (n *argumentNames) read(query string) *arguments {
	q := n.cleared()
	q.query = query
	count := 0
	for next := 0; next < len(query); {
		at, end := next, len(query)
		if length := strings.IndexByte(query[at:], '&'); length >= 0 {
			end = at + length
		}
		if next = end + 1; at == end {
			continue
		}
		if count++; count == phpvar.MaxInputVars+1 {
			q.few, q.more = append(q.few, q.all...), true
		}
		if n.begins[query[at]] {
			q.note(n, at, end)
		}
	}
	return q
}

func (n *argumentNames) cleared() *arguments {
	q, ok := n.free.Get().(*arguments)
	if !ok {
		return &arguments{all: make([]spelled, len(n.numbers))}
	}
	clear(q.all)
	q.few, q.more, q.decoded = q.few[:0], false, q.decoded[:0]
	return q
}

// note takes the argument that stands there for what its name is by now.
func (q *arguments) note(n *argumentNames, at, end int) {
	sent, _, valued := strings.Cut(q.query[at:end], "=")
	found := q.variable(sent)
	if found == phpvar.Other {
		return
	}
	number, asked := n.numbers[string(q.name)] // does not allocate
	switch {
	case !asked:
	case found == phpvar.TooDeep:
		q.all[number].found = phpvar.Other
	case valued:
		q.all[number] = spelled{found: found, from: at + len(sent) + 1, to: end}
	default:
		q.all[number] = spelled{found: found, from: end, to: end}
	}
}

// variable leaves the variable's name in q.name.
func (q *arguments) variable(sent string) (found phpvar.Spelling) {
	if !phpvar.IsURLEncoded(sent) {
		q.name, found = phpvar.AppendVariable(q.name[:0], sent)
		return found
	}
	q.sent = phpvar.AppendURLDecode(q.sent[:0], sent)
	if end := bytes.IndexByte(q.sent, 0); end >= 0 {
		q.sent = q.sent[:end]
	}
	q.name, found = phpvar.AppendVariable(q.name[:0], q.sent)
	return found
}

// byDefault is what an argument is where max_input_vars is PHP's default.
func (q *arguments) byDefault(number int) *spelled {
	if q.more {
		return &q.few[number]
	}
	return &q.all[number]
}

func (q *arguments) matches(g *glob, s *spelled) bool {
	if !s.decoded && !phpvar.IsURLEncoded(q.query[s.from:s.to]) {
		return matches(g, q.query[s.from:s.to])
	}
	return matches(g, q.decode(s))
}

// decode is for values that need it.
func (q *arguments) decode(s *spelled) []byte {
	if !s.decoded {
		from := len(q.decoded)
		q.decoded = phpvar.AppendURLDecode(q.decoded, q.query[s.from:s.to])
		s.decoded, s.from, s.to = true, from, len(q.decoded)
	}
	return q.decoded[s.from:s.to]
}
