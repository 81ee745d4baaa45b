package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"
)

//go:embed reload.js
var reloadScript string

// reload is the markup that loads the page again; nothing for 0 seconds. The
// script is the same for every page, so that one hash allows it; its number
// stands beside it.
func reload(seconds int) template.HTML {
	if seconds <= 0 {
		return ""
	}
	// A number and a constant: there is nothing to escape.
	return template.HTML(fmt.Sprintf( //nolint:gosec // G203: as above
		"<noscript><meta http-equiv=\"refresh\" content=\"%d\"></noscript>\n<script data-seconds=\"%d\">%s</script>", seconds, seconds, reloadScript))
}

// policy is a page's Content-Security-Policy. Foreign frames are not forbidden:
// a page that an application has others embed must come back there, too.
func policy(styles, images string) string {
	return "default-src 'none'; script-src " + hash(reloadScript) + "; style-src " + styles + "; img-src " + images +
		"; font-src " + images + "; base-uri 'none'; form-action 'none'"
}

// ownPolicy allows what the gate's page has, and nothing from anywhere: not
// even the icon, which would be one more request to be refused.
func ownPolicy(html []byte) string {
	_, rest, _ := strings.Cut(string(html), "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	return policy(hash(style), "data:")
}

// operatorPolicy lets an operator's page have styles and images, of its own and
// from its own host.
func operatorPolicy() string { return policy("'self' 'unsafe-inline'", "'self' data:") }

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
