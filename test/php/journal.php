<?php
// Writes "begin ID TIME" to ?journal=, works for ?ms=, or until the file named
// by ?until= is there, and writes "end ID TIME".
// Two pages that ran at once show as two begins in a row.
require __DIR__ . '/inc.php';

// The work goes on when the client leaves: the end is always written.
ignore_user_abort(true);
mark('begin');
isset($_GET['until']) ? await($_GET['until']) : work(number('ms', 50));
header('Content-Type: text/plain');
echo "ok\n";
mark('end');
