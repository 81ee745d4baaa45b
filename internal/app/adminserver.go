package app

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/sessiongate/sessiongate/internal/admin"
	"github.com/sessiongate/sessiongate/internal/config"
)

// adminServer is the listener for operators. What it shows to whom can be swapped.
type adminServer struct {
	http.Server
	now atomic.Pointer[http.Handler]
}

func newAdminServer(h http.Handler) *adminServer {
	s := &adminServer{Server: http.Server{ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}}
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*s.now.Load()).ServeHTTP(w, r) })
	s.use(h)
	return s
}

func (s *adminServer) use(h http.Handler) { s.now.Store(&h) }

// adminHandler reads the token and makes what asks for it.
func (a *App) adminHandler(c *config.Config) (http.Handler, error) {
	token, err := c.Admin.BearerToken()
	if err != nil {
		return nil, err
	}
	network, _ := config.SplitAddress(c.Admin.Listen)
	return admin.New(admin.Options{
		Gatherer: a.registry,
		Ready:    a.ready.Reasons,
		Aside:    a.ready.Asides,
		Token:    token,
		AnyHost:  network == "unix",
		PProf:    c.Admin.PProf,
	}), nil
}
