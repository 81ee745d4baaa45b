package files

import (
	"bytes"
	"strings"

	"github.com/sessiongate/sessiongate/internal/docroot"
)

// wellKnown is the one hidden folder that is there to be read (RFC 8615): ACME
// challenges, security.txt.
const wellKnown = "/.well-known/"

// mayServe tells by its name whether a file is anybody's business.
func mayServe(name string) bool {
	below, _ := strings.CutPrefix(name, wellKnown)
	return !docroot.Hidden("/"+strings.TrimPrefix(below, "/")) && !isSource(name[strings.LastIndexByte(name, '/')+1:])
}

// isSource tells whether a file's name is that of PHP source: what some PHP-FPM
// may run, what is included by it, and what editors and people leave beside it
// ("index.php~", "index.php.bak", "index.phpold", "Index.PHP"). A word behind any
// dot counts. So "manual.php.html" is not served either: the application may.
func isSource(base string) bool {
	_, rest, more := strings.Cut(base, ".")
	for more {
		var word string
		word, rest, more = strings.Cut(rest, ".")
		word = strings.ToLower(word)
		if strings.HasPrefix(word, "php") {
			return true
		}
		if end := strings.IndexFunc(word, isNoLetter); end >= 0 {
			word = word[:end]
		}
		switch word {
		case "phtml", "pht", "phar", "inc":
			return true
		}
	}
	return false
}

func isNoLetter(r rune) bool { return r < 'a' || r > 'z' }

// headSize is how much of a file is looked at.
const headSize = 256

// beginsAsSource tells whether a file opens with PHP's tag, be it called as it
// may: "config.txt", Drupal's "node.module", a command line tool.
func beginsAsSource(head []byte) bool {
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(head, []byte("#!")) {
		_, head, _ = bytes.Cut(head, []byte("\n"))
	}
	head = bytes.TrimLeft(head, " \t\r\n")
	return bytes.HasPrefix(head, []byte("<?=")) || len(head) >= 5 && strings.EqualFold(string(head[:5]), "<?php")
}
