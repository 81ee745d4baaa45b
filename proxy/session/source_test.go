package session

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

type cookieRow struct {
	name   string
	lines  []string
	want   string
	cookie string
}

func (r cookieRow) sessionName() string {
	if r.cookie == "" {
		return "PHPSESSID"
	}
	return r.cookie
}

// cookieTable holds a row for each corner of PHP's reading that is known.
// TestTableAgreesWithPHP asks PHP about the same rows.
var cookieTable = []cookieRow{
	{"percent escapes are decoded", []string{"PHPSESSID=aaa%31"}, "aaa1", ""},
	{"a plus is kept", []string{"PHPSESSID=aaa+a"}, "aaa+a", ""},
	{"the first one counts", []string{"PHPSESSID=aaa1; PHPSESSID=bbb"}, "aaa1", ""},
	{"also when it is empty", []string{"PHPSESSID=; PHPSESSID=aaa1"}, "", ""},
	{"also when it has no value", []string{"PHPSESSID; PHPSESSID=aaa1"}, "", ""},
	{"also when its id is not allowed", []string{"PHPSESSID=a<b; PHPSESSID=aaa1"}, "", ""},
	{"no space after the separator", []string{"a=b;PHPSESSID=aaa1"}, "aaa1", ""},
	{"two spaces", []string{"a=b;  PHPSESSID=aaa1"}, "aaa1", ""},
	{"a tab", []string{"a=b;\tPHPSESSID=aaa1"}, "aaa1", ""},
	{"a second line", []string{"a=b", "PHPSESSID=aaa1"}, "aaa1", ""},
	{"an empty line before", []string{"", ";;", "PHPSESSID=aaa1"}, "aaa1", ""},
	{"names have a case", []string{"phpsessid=aaa1"}, "", ""},
	{"quotes are no syntax", []string{`PHPSESSID="aaa1"`}, "", ""},
	{"an array is no id", []string{"PHPSESSID[]=aaa1"}, "", ""},
	{"names are not decoded", []string{"%50HPSESSID=aaa1"}, "", ""},
	{"a space before the equals sign is part of the name", []string{"PHPSESSID =aaa1"}, "", ""},
	{"a space after the id is part of it", []string{"PHPSESSID=aaa1 ; a=b"}, "", ""},
	{"further equals signs are the id's", []string{"PHPSESSID=a=b"}, "a=b", ""},
	{"no escape stays as it is", []string{"PHPSESSID=a%2xb%"}, "a%2xb%", ""},
	{"a broken escape before a good one", []string{"PHPSESSID=%%41%4"}, "%A%4", ""},
	{"decoded once", []string{"PHPSESSID=%2541"}, "%41", ""},
	{"an escaped separator", []string{"PHPSESSID=a%3Bb"}, "a;b", ""},
	{"an escaped space", []string{"PHPSESSID=a%20b"}, "", ""},
	{"cut at NUL", []string{"PHPSESSID=aaa1%00<zzz"}, "aaa1", ""},
	{"nothing before NUL", []string{"PHPSESSID=%00aaa1"}, "", ""},
	{"eight-bit ids", []string{"PHPSESSID=\xe4%F6"}, "\xe4\xf6", ""},

	{"an array displaces a string", []string{"PHPSESSID=aaa1; PHPSESSID[x]=b"}, "", ""},
	{"a string does not displace an array", []string{"PHPSESSID[x]=b; PHPSESSID=aaa1"}, "", ""},
	{"too deep an array deletes", []string{"PHPSESSID=aaa1; PHPSESSID" + deep(65) + "=x; PHPSESSID=bbb"}, "bbb", ""},
	{"64 levels do not", []string{"PHPSESSID=aaa1; PHPSESSID" + deep(64) + "=x; PHPSESSID=bbb"}, "", ""},
	{"a bracket left open is a character", []string{"my[app=aaa1"}, "aaa1", "my_app"},
	{"so are those after it", []string{"my[a[p.p=aaa1"}, "aaa1", "my_a_p_p"},
	{"not at the start of a name", []string{"[=bad; _=aaa1"}, "aaa1", "_"},
	{"dots fold", []string{"my.app=aaa1"}, "aaa1", "my_app"},
	{"spaces fold", []string{"my app=aaa1"}, "aaa1", "my_app"},
	{"a folded name comes first", []string{"my.app=aaa1; my_app=bbb"}, "aaa1", "my_app"},
	{"a session.name with a dot is never found", []string{"my.app=aaa1; my_app=bbb"}, "", "my.app"},
	{"nor one with a space", []string{"a b=aaa1; a_b=bbb"}, "", "a b"},
	{"a protected name", []string{"__Host-s=aaa1"}, "aaa1", "__Host-s"},
	{"cannot be forged", []string{"..Host-s=bad; __Host-s=aaa1"}, "aaa1", "__Host-s"},

	{"1000 cookies are read", []string{strings.Repeat("a=b;", 999) + "PHPSESSID=aaa1"}, "aaa1", ""},
	{"later ones change nothing", []string{"PHPSESSID=aaa1;" + strings.Repeat("a=b;", 999) + "PHPSESSID[]=x"}, "aaa1", ""},
	{"but are used if there is no other", []string{strings.Repeat("a=b;", 1000) + "PHPSESSID=aaa1"}, "aaa1", ""},
	{"nameless ones are not counted", []string{strings.Repeat("=x;", 500) + "PHPSESSID=aaa1;" + strings.Repeat("a;", 600) + "PHPSESSID[]=x"}, "", ""},
	{"no cookie", nil, "", ""},
}

func deep(levels int) string { return strings.Repeat("[]", levels) }

func TestCookieIsReadAsPHPReadsIt(t *testing.T) {
	for _, tt := range cookieTable {
		t.Run(tt.name, func(t *testing.T) {
			id, ok := Source{Cookie: tt.sessionName()}.ID(http.Header{"Cookie": tt.lines})
			if id != tt.want || ok != (tt.want != "") {
				t.Errorf("ID(%q) = %q, %v; PHP says %q", tt.lines, id, ok, tt.want)
			}
		})
	}
}

func TestHeaderIsLookedAtFirst(t *testing.T) {
	cookie := []string{"PHPSESSID=cookie"}
	tests := []struct {
		name   string
		values []string
		want   string
	}{
		{"absent", nil, "cookie"},
		{"present", []string{"abc"}, "abc"},
		{"trimmed", []string{" abc\t"}, "abc"},
		{"not decoded", []string{"a%31"}, "a%31"},
		{"empty", []string{" "}, "cookie"},
		{"not allowed", []string{"a b"}, "cookie"},
		{"sent twice", []string{"abc", "def"}, "cookie"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{"Cookie": cookie, "X-Session": tt.values}
			for _, name := range []string{"X-Session", "x-session"} {
				id, ok := Source{Cookie: "PHPSESSID", Header: name}.ID(h)
				if id != tt.want || !ok {
					t.Errorf("with %s: %q, got %q, %v; want %q", name, tt.values, id, ok, tt.want)
				}
			}
		})
	}
}

func TestZeroSourceFindsNothing(t *testing.T) {
	if id, ok := (Source{}).ID(http.Header{"Cookie": {"PHPSESSID=a; =b; c"}}); ok {
		t.Errorf("got %q", id)
	}
}

func TestPlainIDIsNotCopied(t *testing.T) {
	h := http.Header{"Cookie": {"lang=de; theme=dark; PHPSESSID=0123456789abcdefghijklmnop; x=y"}}
	s := Source{Cookie: "PHPSESSID", Header: "X-Session"}
	if n := testing.AllocsPerRun(100, func() { s.ID(h) }); n != 0 {
		t.Errorf("ID allocates %v times", n)
	}
}

func TestCheckCookieName(t *testing.T) {
	for _, name := range []string{"PHPSESSID", "__Host-s", "wp_s-1", "a%20b", "s1"} {
		if err := CheckCookieName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"":       "not a name that PHP can find a session cookie by: it is empty",
		"my.app": `not a name that PHP can find a session cookie by: "my.app" contains "."; PHP reads a cookie sent as "my.app" under the name "my_app"`,
		"12":     `not a name that PHP can find a session cookie by: "12" is a number, which PHP refuses as session.name`,
	} {
		err := CheckCookieName(name)
		if !errors.Is(err, ErrCookieName) || err.Error() != text {
			t.Errorf("%q: got %v\nwant %s", name, err, text)
		}
	}
}

func BenchmarkID(b *testing.B) {
	h := http.Header{"Cookie": {"_ga=GA1.2.1234567890.1234567890; lang=de; theme=dark; PHPSESSID=0123456789abcdefghijklmnop"}}
	s := Source{Cookie: "PHPSESSID"}
	b.ReportAllocs()
	for b.Loop() {
		s.ID(h)
	}
}
