<?php
// Ends the request on the wire, then works for ?ms=, or until the file named by
// ?until= is there, with its session still open and writes it. ?hold= asks the
// gate to keep the turn that long (?hold=2s), which is what such a page should do.
require __DIR__ . '/inc.php';

mark('begin');
session_start();
$n = $_SESSION['n'] ?? 0;
if (isset($_GET['hold'])) {
    header('X-Sessiongate: hold=' . $_GET['hold']);
}
header('Content-Type: text/plain');
echo $n + 1, "\n";
fastcgi_finish_request();
mark('finish');
isset($_GET['until']) ? await($_GET['until']) : work(number('ms', 200));
$_SESSION['n'] = $n + 1;
session_write_close();
mark('end');
