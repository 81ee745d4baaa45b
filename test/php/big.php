<?php
// Streams ?mb= megabytes, ?rate= megabytes a second (0: as fast as it goes).
// ?length=1 says Content-Length first.
require __DIR__ . '/inc.php';

set_time_limit(0);
mark('begin');
$bytes = number('mb', 1, 10000) << 20;
$rate = number('rate', 0, 10000) << 20;
header('Content-Type: application/octet-stream');
if (number('length')) {
    header('Content-Length: ' . $bytes);
}
$part = str_repeat('0123456789abcdef', 4096);
$start = microtime(true);
for ($sent = 0; $sent < $bytes; $sent += strlen($part)) {
    echo $part;
    if ($rate > 0) {
        push();
        $ahead = $sent / $rate - (microtime(true) - $start);
        work((int) ($ahead * 1000));
    }
}
push();
mark('end');
