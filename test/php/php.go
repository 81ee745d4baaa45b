// Package php holds the sample pages: small PHP scripts that the demo shows
// and that tests run on a real php-fpm. README.md lists them.
//
// The pages need PHP 7.4 or newer and no extension beyond what Debian's
// php-fpm has. They are samples for a machine of one's own: some of them kill
// their worker or write files where they are told to. Never publish them.
package php

import "embed"

// Pages is the tree of sample pages, ready for os.CopyFS.
//
//go:embed *.php pathinfo
var Pages embed.FS

// Unlocked is the page in Pages that, as auto_prepend_file, makes sessions
// unlocked.
const Unlocked = "unlocked.php"
