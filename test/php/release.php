<?php
// Writes its session, tells the gate to give the turn away, and works on for
// ?ms=. Also prints the counter.
require __DIR__ . '/inc.php';

mark('begin');
session_start();
$n = ($_SESSION['n'] ?? 0) + 1;
$_SESSION['n'] = $n;
session_write_close();
header('X-Sessiongate: release');
header('Content-Type: text/plain');
echo $n, "\n";
push();
mark('release');
work(number('ms', 200));
echo "done\n";
mark('end');
