package files

import "testing"

func TestNamesThatAreServed(t *testing.T) {
	for _, name := range []string{
		"/a.css", "/php.png", "/php", "/mode-php.js", "/lib/php/php.js", "/www.php-course.org/logo.png", "/x.php/logo.png",
		"/.well-known/acme-challenge/AbC-_1", "/.well-known/security.txt", "/LICENSE", "/a.b.c.woff2", "/include.css", "/a.include.css", "/pharao.jpg",
		"/index.html", "/a..b.css", "/ü.png", "/a.css.", "/inc", "/phtml", "/a.photo.jpg",
	} {
		if !mayServe(name) {
			t.Errorf("%s is not served", name)
		}
	}
}

func TestNamesThatAreNotServed(t *testing.T) {
	for _, name := range []string{
		"/.env", "/.git/config", "/a/.htaccess", "/a/.b/c.css", "/..css", "/.well-known/.git/config", "/a/.well-known/x", "/.well-known", "/.well-knownx/a",
		"/index.php", "/Index.PHP", "/index.pHp5", "/index.php8", "/index.phps", "/a.phtml", "/a.PHTML", "/a.pht", "/a.phar", "/a.inc", "/a.INC",
		"/index.php~", "/index.php.bak", "/index.php.swp", "/index.php.swo", "/index.php.orig", "/index.php.save", "/index.php.1", "/index.php_old",
		"/index.phpold", "/index.php-dist", "/index.php.", "/index.php ", "/index.php::$DATA", "/#index.php#", "/index.php,v", "/index.php (1)", "/index.php.txt",
		"/config.inc~", "/config.inc.bak", "/config.inc.php", "/a.phar.gz", "/a.phtml~", "/wp-config.php.gz", "/index~.php", "/a.b.php.c.d",
	} {
		if mayServe(name) {
			t.Errorf("%s is served", name)
		}
	}
}

func TestWhatBeginsAsPHPSourceIsSource(t *testing.T) {
	for _, head := range []string{
		"<?php", "<?php\nfoo();", "<?PHP ", "\xef\xbb\xbf<?php", "\n \t<?php", "#!/usr/bin/env php\n<?php\n", "<?= 1 ?>", "#!/bin/php\r\n\n<?php",
	} {
		if !beginsAsSource([]byte(head)) {
			t.Errorf("%q passes", head)
		}
	}
	for _, head := range []string{"", "<", "<?ph", "<?xml version=\"1.0\"?>", "<!-- <?php -->", "#!/bin/sh\n", "#!", "\x89PNG", "text <?php"} {
		if beginsAsSource([]byte(head)) {
			t.Errorf("%q is taken for source", head)
		}
	}
}
