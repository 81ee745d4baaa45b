package rules

import (
	"slices"
	"strings"

	"github.com/sessiongate/sessiongate/internal/phpvar"
)

// Applications take another method for the one that was sent where a header or
// the argument _method names one: Symfony and Laravel with POST only, WordPress'
// REST interface and Yii with GET too. So a request may have several methods,
// and rules take the safe view: see takesMethod. A field _method of a body is
// not seen, for the body has not been read; such a request is a POST anyway.
var overrideHeaders = [...]string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

const overrideArgument = "_method"

const maxOverrides = len(overrideHeaders) + 2

// notAMethod stands for an override whose value is no text.
const notAMethod = "[]"

// takesMethod: whoever names further methods must not get by that what the
// method alone would not get. A rule that forwards holds only where all methods
// are in its list, a rule that rejects where one of them is.
func (c *compiled) takesMethod(f *facts) bool {
	sent := slices.Contains(c.method, f.request.Method)
	if sent == c.policy.Reject {
		return sent
	}
	for _, other := range f.otherMethods() {
		if slices.Contains(c.method, other) == c.policy.Reject {
			return c.policy.Reject
		}
	}
	return sent
}

// otherMethods are those that the request names beside its own.
func (f *facts) otherMethods() []string {
	if !f.overridesKnown {
		f.overridesKnown = true
		for _, name := range overrideHeaders {
			if value, sent := f.header(name); sent {
				f.override(value)
			}
		}
		if mayHoldOverride(f.request.RawQuery) {
			f.overrideByArgument()
		}
	}
	return f.overrides[:f.overridden]
}

// override notes a named method. An empty one is taken for none everywhere.
func (f *facts) override(value string) {
	if value = strings.ToUpper(strings.TrimSpace(value)); value != "" {
		f.overrides[f.overridden] = value
		f.overridden++
	}
}

// mayHoldOverride is a cheap look: in PHP ".method" is _method too, and either
// may be encoded.
func mayHoldOverride(rawQuery string) bool {
	return strings.Contains(rawQuery, "method") || strings.Contains(rawQuery, "%")
}

// overrideByArgument notes _method, as PHP reads it with its default of
// max_input_vars and with any other: see argument.in.
func (f *facts) overrideByArgument() {
	q, number := f.arguments(), f.names.numbers[overrideArgument]
	f.override(q.method(q.byDefault(number)))
	if q.more {
		f.override(q.method(&q.all[number]))
	}
}

func (q *arguments) method(last *spelled) string {
	switch last.found {
	case phpvar.Plain:
		return string(q.decode(last))
	case phpvar.Array:
		return notAMethod
	default:
		return ""
	}
}
