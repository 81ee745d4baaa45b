<?php
// Works until the file named by ?until= is there, at most a minute. ?first=1
// sends the headers and a first line before that, with ?control= as
// X-Sessiongate. Goes on when the client leaves.
require __DIR__ . '/inc.php';

ignore_user_abort(true);
set_time_limit(0);
mark('begin');
header('Content-Type: text/plain');
if (isset($_GET['control'])) {
    header('X-Sessiongate: ' . $_GET['control']);
}
if (number('first')) {
    echo "first\n";
    push();
}
$file = (string) ($_GET['until'] ?? '');
for ($end = microtime(true) + 60; !file_exists($file) && microtime(true) < $end;) {
    work(2);
    clearstatcache();
}
echo "last\n";
mark('end');
