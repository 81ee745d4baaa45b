package keepalive

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// BenchmarkRoundTrip compares with net/http's Transport, to the same server.
func BenchmarkRoundTrip(b *testing.B) {
	l, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok")
	})}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(l)
	}()
	b.Cleanup(func() {
		_ = s.Close()
		<-served
	})
	ours, err := New(l.Addr().String(), time.Second)
	if err != nil {
		b.Fatal(err)
	}
	theirs := &http.Transport{DisableCompression: true, WriteBufferSize: 8 << 10, ReadBufferSize: 8 << 10}
	b.Cleanup(func() {
		_ = ours.Close()
		theirs.CloseIdleConnections()
	})
	for name, tr := range map[string]http.RoundTripper{"ours": ours, "net-http": theirs} {
		for _, method := range []string{"GET", "POST"} {
			b.Run(name+"/"+method, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					req, err := http.NewRequestWithContext(b.Context(), method, "http://"+l.Addr().String()+"/", http.NoBody)
					if err != nil {
						b.Fatal(err)
					}
					resp, err := tr.RoundTrip(req)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := io.Copy(io.Discard, resp.Body); err != nil {
						b.Fatal(err)
					}
					_ = resp.Body.Close()
				}
			})
		}
	}
}
