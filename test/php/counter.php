<?php
// Adds one to the session's counter and prints it. ?ms= is the work between
// reading and writing: the time in which an unlocked session loses updates.
// ?early=1 sends the whole answer before that work.
require __DIR__ . '/inc.php';

mark('begin');
session_start();
$n = ($_SESSION['n'] ?? 0) + 1;
header('Content-Type: text/plain');
header('Content-Length: ' . strlen("$n\n"));
if (number('early')) {
    echo $n, "\n";
    push();
}
work(number('ms'));
$_SESSION['n'] = $n;
session_write_close();
if (!number('early')) {
    echo $n, "\n";
}
mark('end');
