package limiter

import (
	"strconv"
	"time"
)

// AppendPolicies appends the value of the field RateLimit-Policy: what was said of
// the limits that are enforced, as in `"per-client";q=200;w=4`. Nothing is
// appended where there are none: the field must not be empty then, but absent.
//
// The form is that of draft-ietf-httpapi-ratelimit-headers-11.
func AppendPolicies(b []byte, asks []Ask) []byte {
	first := len(b)
	for i := range asks {
		a := &asks[i]
		if !a.told() {
			continue
		}
		b = appendItem(b, first, a.Limiter.limit.Name)
		b = append(b, ";q="...)
		b = strconv.AppendInt(b, int64(a.Limiter.limit.Burst), 10)
		b = append(b, ";w="...)
		b = strconv.AppendInt(b, seconds(a.Limiter.limit.Window()), 10)
	}
	return b
}

// AppendQuotas appends the value of the field RateLimit: how many more requests
// each of these limits lets through, and the seconds until there is one more, as
// in `"per-client";r=0;t=1`. Where it was refused, that is the wait, so
// that Retry-After, in whole seconds rounded up, is never before it.
func AppendQuotas(b []byte, asks []Ask) []byte {
	first := len(b)
	for i := range asks {
		a := &asks[i]
		if !a.told() {
			continue
		}
		b = appendItem(b, first, a.Limiter.limit.Name)
		b = append(b, ";r="...)
		b = strconv.AppendInt(b, int64(a.Decision.Remaining), 10)
		b = append(b, ";t="...)
		b = strconv.AppendInt(b, seconds(a.Limiter.more(a.Decision)), 10)
	}
	return b
}

// told: clients are told of what can hold them up, and was asked.
func (a *Ask) told() bool { return a.asked && a.Limiter.limit.Enforce && !a.Shadow }

// more is the time until one more request will be let through than now.
func (l *Limiter) more(d Decision) time.Duration {
	switch {
	case !d.Allowed:
		return d.RetryAfter
	case d.Remaining >= l.limit.Burst:
		return 0
	}
	later := time.Duration(l.limit.Burst-d.Remaining-1) * l.limit.Interval()
	return max(d.Reset-later, 0)
}

// seconds rounds up: who waits that long has waited long enough.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// appendItem appends a name as a String of RFC 9651, after a comma where it is
// not the first.
func appendItem(b []byte, first int, name string) []byte {
	if len(b) > first {
		b = append(b, ", "...)
	}
	b = append(b, '"')
	for _, c := range []byte(name) {
		if c == '"' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return append(b, '"')
}
