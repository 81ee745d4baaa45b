package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/sessiongate/sessiongate/internal/app"
	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/internal/systemd"
)

// serveFlags are the flags of serve, as written.
type serveFlags struct {
	file, fastcgi, http, root, localRoot, script, cookie, listen, admin, logFormat string
}

func newServe() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve as the configuration says",
		Long: "Serves as the configuration says. SIGTERM or SIGINT drains the gate and ends it. SIGHUP\n" +
			"reads the file again: what a running gate can take over it does, what needs a restart\n" +
			"it names, and where there is a mistake the configuration stays as it was.",
		Example: "  sessiongate serve -c /etc/sessiongate.yaml\n" +
			"  sessiongate serve --fastcgi unix:/run/php/php8.2-fpm.sock --root /var/www/html\n" +
			"  sessiongate serve --http http://127.0.0.1:8080 --listen :80",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return serve(c, &f) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.file, "config", "c", "", "the configuration `file`; also by "+config.EnvFile)
	flags.StringVar(&f.fastcgi, "fastcgi", "", "PHP-FPM's `address`: unix:/path or host:port")
	flags.StringVar(&f.http, "http", "", "the `URL` of an HTTP backend")
	flags.StringVar(&f.root, "root", "", "document root as PHP sees it (`folder`)")
	flags.StringVar(&f.localRoot, "local-root", "", "the same `folder` as this machine sees it")
	flags.StringVar(&f.script, "script", "", "which script runs: `front|try|path`")
	flags.StringVar(&f.cookie, "cookie", "", "`name` of the session cookie")
	flags.StringVar(&f.listen, "listen", "", "`address` for clients: host:port or unix:/path")
	flags.StringVar(&f.admin, "admin", "", "`address` for metrics and health")
	flags.StringVar(&f.logFormat, "log-format", "", "`json|console`")
	return c
}

func serve(c *cobra.Command, f *serveFlags) error {
	if f.file == "" {
		f.file = os.Getenv(config.EnvFile)
	}
	settings, err := f.settings(c)
	if err != nil {
		return err
	}
	survivePipes()     // to the end: its last words, too, may have no reader
	again := hangups() // from here on a file that changes while it is read is read again
	source := config.Source{Path: f.file, Env: os.Environ(), Flags: settings, Check: app.Check}
	loaded, err := config.Load(source)
	if err != nil {
		return err
	}
	listeners, err := systemd.Listeners()
	if err != nil {
		return err
	}
	log := openLog(c.ErrOrStderr(), loaded.Log)
	defer log.close()
	gate, err := app.New(loaded, version(), log.Logger)
	if err != nil {
		return err
	}
	gate.CountDroppedLines(log.lines.Dropped)
	gate.Inherit(listeners)
	gate.Supervise(systemd.NewNotifier())
	return run(c.Context(), gate, source, again)
}

// run serves until a signal comes or a listener breaks; then it drains. Until that
// has ended it reads the configuration again whenever it is told to.
func run(ctx context.Context, gate *app.App, source config.Source, again <-chan os.Signal) (err error) {
	defer func() { err = errors.Join(err, gate.Close()) }()
	if err := gate.Start(ctx); err != nil {
		return err
	}
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	var followed sync.WaitGroup
	followed.Go(func() { follow(following, gate, source, again) })
	defer func() {
		stop()
		followed.Wait()
	}()
	select {
	case err := <-gate.Failed():
		return err
	case <-ctx.Done():
	}
	return gate.Drain(context.WithoutCancel(ctx))
}

// follow reloads the configuration each time it is told to, until ctx ends.
func follow(ctx context.Context, gate *app.App, source config.Source, again <-chan os.Signal) {
	for {
		select {
		case <-again:
			gate.Reload(ctx, source)
		case <-ctx.Done():
			return
		}
	}
}

// settings turns the flags into values of configuration keys. Only flags that
// were given count.
func (f *serveFlags) settings(c *cobra.Command) ([]config.Flag, error) {
	switch {
	case f.fastcgi != "" && f.http != "":
		return nil, usagef(c, "--fastcgi and --http exclude each other: one upstream is given by flags")
	case f.fastcgi == "" && f.http == "" && f.file == "":
		return nil, usagef(c, "nothing to serve: give -c FILE, --fastcgi ADDRESS, or --http URL")
	}
	address, err := httpAddress(f.http)
	if err != nil {
		return nil, usagef(c, "--http: %w", err)
	}
	protocol := string(config.ProtocolFastCGI)
	if f.http != "" {
		protocol = string(config.ProtocolHTTP)
	}
	var out []config.Flag
	add := func(name, path, value string) {
		if c.Flags().Changed(name) {
			out = append(out, config.Flag{Name: "--" + name, Path: path, Value: value})
		}
	}
	const upstream, server = "upstreams[0].", "upstreams[0].servers[0].address"
	add("fastcgi", upstream+"protocol", protocol)
	add("fastcgi", server, f.fastcgi)
	add("http", upstream+"protocol", protocol)
	add("http", server, address)
	add("root", upstream+"root", f.root)
	add("local-root", upstream+"local_root", f.localRoot)
	add("script", upstream+"script", f.script)
	add("cookie", "session.cookie", f.cookie)
	add("listen", "server.listen", f.listen)
	add("admin", "admin.listen", f.admin)
	add("log-format", "log.format", f.logFormat)
	return out, nil
}

// httpAddress takes the address out of the URL of a backend: the gate passes
// requests on as they are, so there is no place for a path.
func httpAddress(raw string) (string, error) {
	if raw == "" || strings.HasPrefix(raw, "unix:") || !strings.Contains(raw, "://") {
		return raw, nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return "", err
	case u.Scheme != "http":
		return "", fmt.Errorf("%q: only http:// backends are supported", raw)
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.User != nil:
		return "", fmt.Errorf("%q: only scheme, host and port can be given, such as http://127.0.0.1:8080", raw)
	case u.Port() == "":
		return net.JoinHostPort(u.Hostname(), "80"), nil
	}
	return u.Host, nil
}
