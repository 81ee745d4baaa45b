package cli

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessiongate/sessiongate/internal/app"
	"github.com/sessiongate/sessiongate/internal/config"
)

// explainFlags say what request is meant.
type explainFlags struct {
	file, path, method, host, userAgent, client string
	cookies, headers                            []string
	asJSON                                      bool
}

func newExplain() *cobra.Command {
	var f explainFlags
	c := &cobra.Command{
		Use:   "explain -c FILE --path /cart",
		Short: "Say which rule decides about a request, why, and what holds for it",
		Long: "Takes a request the way that it would take through the gate, up to the decision:\n" +
			"the same code reads path, query, cookies and headers. Nothing is sent anywhere.\n" +
			"It exits with 0 where there is a decision, also one to refuse the request.",
		Example: "  sessiongate explain -c gate.yaml --path '/cart?x=1' --method POST --cookie PHPSESSID=abc\n" +
			"  sessiongate explain -c gate.yaml --path / --user-agent 'Googlebot/2.1' --json",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return explain(c, &f) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.file, "config", "c", "", "the configuration `file`; also by "+config.EnvFile)
	flags.StringVar(&f.path, "path", "/", "`path` and query, as in the request line: not decoded")
	flags.StringVar(&f.method, "method", "GET", "`method`")
	flags.StringVar(&f.host, "host", "localhost", "`host`, with or without port")
	flags.StringVar(&f.userAgent, "user-agent", "", "`User-Agent`; none: no such header")
	flags.StringVar(&f.client, "client", "192.0.2.1", "`address` that the request comes from; a trusted proxy's forwarding headers are believed")
	flags.StringArrayVar(&f.cookies, "cookie", nil, "a line of Cookie, `NAME=VALUE[; …]`; may be repeated")
	flags.StringArrayVar(&f.headers, "header", nil, "another `header`, \"Name: value\"; may be repeated")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return c
}

func explain(c *cobra.Command, f *explainFlags) error {
	if f.file == "" {
		f.file = os.Getenv(config.EnvFile)
	}
	if f.file == "" {
		return usagef(c, "which file? give -c FILE")
	}
	client, err := netip.ParseAddr(f.client)
	if err != nil {
		return usagef(c, "--client %q is no address, such as 203.0.113.7 or 2001:db8::1", f.client)
	}
	raw, err := f.request()
	if err != nil {
		return usagef(c, "%w", err)
	}
	loaded, err := config.Load(config.Source{Path: f.file, Env: os.Environ(), Check: app.Check})
	if err != nil {
		return err
	}
	e, err := app.Explain(loaded, raw, client)
	if err != nil {
		return err
	}
	if f.asJSON {
		out := json.NewEncoder(c.OutOrStdout())
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		return out.Encode(e)
	}
	return tell(c.OutOrStdout(), e)
}

// request is the text of the request, to be read as a client's would be.
func (f *explainFlags) request() (string, error) {
	lines := []string{f.method + " " + f.path + " HTTP/1.1", "Host: " + f.host}
	if f.userAgent != "" {
		lines = append(lines, "User-Agent: "+f.userAgent)
	}
	for _, cookie := range f.cookies {
		lines = append(lines, "Cookie: "+cookie)
	}
	for _, header := range f.headers {
		if name, _, ok := strings.Cut(header, ":"); !ok || name == "" {
			return "", fmt.Errorf("--header %q has no name; write it as \"X-Requested-With: XMLHttpRequest\"", header)
		}
		lines = append(lines, header)
	}
	for _, line := range lines {
		if strings.ContainsAny(line, "\r\n") {
			return "", fmt.Errorf("%q goes over several lines", line)
		}
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n", nil
}
