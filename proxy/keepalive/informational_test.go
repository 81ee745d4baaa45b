package keepalive

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// told is what somebody has been told.
type told []string

func (to *told) Informational(status int, h http.Header) {
	*to = append(*to, fmt.Sprint(status, h.Get("Link")))
}

func TestInformationalAnswersAreTold(t *testing.T) {
	s := serve(t, said("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"))
	var to told
	resp, err := newTransport(t, s.Addr().String()).RoundTrip(request(t, "GET", "/", "").WithContext(Inform(t.Context(), &to)))
	if err != nil || resp.StatusCode != 204 || fmt.Sprint(to) != "[103</a> 103</b>]" {
		t.Errorf("told %v; answer %v, %v", to, resp, err)
	}
}

// A server that never comes to its answer is cut off, whether anybody hears of what
// it says or not.
func TestInformationalAnswersWithoutEndAreNoAnswer(t *testing.T) {
	s := serve(t, said(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", maxInformational+1)+"HTTP/1.1 204 No Content\r\n\r\n"))
	tr := newTransport(t, s.Addr().String())
	for _, to := range []*told{nil, new(told)} {
		ctx := t.Context()
		if to != nil {
			ctx = Inform(ctx, to)
		}
		_, err := tr.RoundTrip(request(t, "GET", "/", "").WithContext(ctx))
		if !errors.Is(err, ErrInformational) || tr.kept() != 0 {
			t.Errorf("%v, %d connections are kept", err, tr.kept())
		}
		if to != nil && len(*to) != maxInformational+1 {
			t.Errorf("told of %d", len(*to))
		}
	}
}
