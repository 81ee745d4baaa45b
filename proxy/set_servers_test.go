package proxy

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/sessiongate/sessiongate/proxy/balance"
)

// newcomer is a server that a list is set with: it reads the body, as a transport does,
// and answers when it is let to.
func newcomer(t *testing.T, address string, s *stagehand, bodies *[]string) *balance.Server {
	one := balance.NewServer(address, upstreamFunc(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("%s cannot read the body: %v", address, err)
		}
		*bodies = append(*bodies, address+" "+string(body)) // one at a time: its slots are one
		return s.php(r)
	}))
	one.MaxInFlight = 1
	return one
}

// A server refuses the connection, the next one is full, and the list is another by
// the time that the request would go there. It is sent once, whole, with its turn
// kept: the next request of the session waits.
func TestWhatAServerRefusesGoesToOneThatComesMeanwhile(t *testing.T) {
	for name, stays := range map[string]bool{"one server more": true, "another in place of all": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s, other stagehand
				var bodies []string
				f := twoServers(t, &s)
				first := f.send("POST", "one", "Cookie", "PHPSESSID=s1")
				synctest.Wait()
				moving := f.send("POST", "two", "Cookie", "PHPSESSID=s2")
				synctest.Wait()
				behind := f.send("POST", "three", "Cookie", "PHPSESSID=s2")
				synctest.Wait()
				f.want("at the new server", other.running(), 0)

				list := []*balance.Server{newcomer(t, "c", &other, &bodies)}
				if stays {
					list = append(list, f.servers...)
				}
				f.upstream().Servers.Set(balance.Options{Fall: 100}, list...)
				synctest.Wait()
				f.want("at the new server", other.running(), 1)
				other.let(ok("moved"))
				<-moving.done
				synctest.Wait()
				other.let(ok("behind"))
				<-behind.done
				s.let(ok("first")) // also where its server is off the list by now
				<-first.done
				synctest.Wait()
				f.want("statuses", first.Code+moving.Code+behind.Code, 600)
				f.want("bodies", len(bodies), 2)
				if bodies[0] != "c two" || bodies[1] != "c three" {
					t.Errorf("came %q", bodies)
				}
			})
		})
	}
}

// Who has no server left while it waits for another one has its turn
// and its body given back: the bench looks.
func TestWhatAServerRefusesEndsWhereNoServerIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		f := twoServers(t, &s)
		first := f.send("POST", "one", "Cookie", "PHPSESSID=s1")
		synctest.Wait()
		moving := f.send("POST", "two", "Cookie", "PHPSESSID=s2")
		synctest.Wait()
		f.upstream().Servers.Set(balance.Options{Fall: 100}, f.servers[0])
		<-moving.done
		moving.wantStatus(t, http.StatusBadGateway, ReasonUpstreamError)
		s.let(ok("first"))
		<-first.done
		f.want("status", first.Code, 200)
	})
}
