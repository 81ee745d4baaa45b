package cli_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sessiongate/sessiongate/internal/freeport"
	"github.com/sessiongate/sessiongate/internal/gatetest"
)

// TestCommands runs testdata/script: what an operator types and reads.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUp,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"answers": answers,
			"exits":   exits,
		},
	})
}

// setUp gives each script two addresses on which nobody listens unless the script
// does, GATE and ADMIN, and one on which a backend does, BACKEND.
func setUp(env *testscript.Env) error {
	env.Setenv("GORACE", os.Getenv("GORACE"))
	for _, name := range []string{"GATE", "ADMIN"} {
		port, err := freeport.Take()
		if err != nil {
			return err
		}
		env.Defer(port.GiveBack)
		env.Setenv(name, port.Address())
	}
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "backend saw %s %s\n", r.Host, r.RequestURI)
	}), ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(backend) // it ends with Close
	}()
	env.Defer(func() {
		server.Close()
		<-served
	})
	env.Setenv("BACKEND", backend.Addr().String())
	return nil
}

// answers waits until a URL answers with a status and, where given, a text in
// its body: answers URL STATUS [TEXT].
func answers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: answers URL STATUS [TEXT]")
	}
	var got string
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(gatetest.Patience); time.Now().Before(deadline); <-tick.C {
		status, body, err := fetch(args[0])
		if got = fmt.Sprintf("%d %q %v", status, body, err); err == nil && fmt.Sprint(status) == args[1] && (len(args) == 2 || strings.Contains(body, args[2])) {
			return
		}
	}
	ts.Fatalf("%s answers %s, want %v", args[0], got, args[1:])
}

func fetch(url string) (status int, body string, err error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(content), err
}

// exits compares the exit code of a program: exits CODE PROGRAM ARGS…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d (%v), want %s", code, err, args[0])
	}
}
