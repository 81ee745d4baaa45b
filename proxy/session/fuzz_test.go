package session

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/phpvar"
)

// FuzzID holds what must be true of every id, whatever was sent: it is one that
// PHP keeps, it is its own canonical spelling, and cookies of other names do
// not displace it.
func FuzzID(f *testing.F) {
	for _, row := range cookieTable {
		f.Add(strings.Join(row.lines, "\n"), row.sessionName(), "x=y;a[]=b; ")
	}
	f.Fuzz(func(t *testing.T, header, name, junk string) {
		lines := strings.Split(header, "\n")
		id, ok := Source{Cookie: name}.ID(http.Header{"Cookie": lines})
		if ok != (id != "") || strings.ContainsAny(id, "\x00\r\n\t <>'\"\\") {
			t.Fatalf("%q: id %q, %v", lines, id, ok)
		}
		if !ok {
			return
		}
		respelled := name + "=" + url.PathEscape(id)
		if again, _ := (Source{Cookie: name}).ID(http.Header{"Cookie": {respelled}}); again != id {
			t.Fatalf("%q gave %q, but %q gives %q", lines, id, respelled, again)
		}
		before := otherNames(junk, name)
		if before == nil {
			return
		}
		if again, _ := (Source{Cookie: name}).ID(http.Header{"Cookie": append(before, respelled)}); again != id {
			t.Fatalf("%q displaced %q: %q", before, id, again)
		}
	})
}

// otherNames are cookies none of which has to do with name, as a header line;
// nil if there are too many.
func otherNames(junk, name string) []string {
	prefix := "q"
	if strings.HasPrefix(name, prefix) {
		prefix = "r"
	}
	line := prefix + strings.ReplaceAll(junk, ";", ";"+prefix)
	if strings.Count(line, ";") >= phpvar.MaxInputVars-1 {
		return nil
	}
	return []string{line}
}

func FuzzHeaderID(f *testing.F) {
	f.Add(" abc\t")
	f.Add("a\x00b")
	f.Fuzz(func(t *testing.T, value string) {
		s := Source{Header: "X-Session"}
		id, ok := s.ID(http.Header{"X-Session": {value}})
		if ok != (id != "") || !strings.Contains(value, id) {
			t.Fatalf("%q: id %q, %v", value, id, ok)
		}
		if again, _ := s.ID(http.Header{"X-Session": {id}}); again != id {
			t.Fatalf("%q gave %q, which gives %q", value, id, again)
		}
	})
}
