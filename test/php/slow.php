<?php
// Works for ?ms= and then answers. Starts no session.
require __DIR__ . '/inc.php';

mark('begin');
work(number('ms', 200));
header('Content-Type: text/plain');
echo "ok\n";
mark('end');
