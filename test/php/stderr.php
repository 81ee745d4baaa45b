<?php
// Writes ?lines= lines of ?bytes= to PHP's error log, which php-fpm sends as
// FastCGI STDERR.
require __DIR__ . '/inc.php';

$lines = number('lines', 2, 100000);
for ($i = 1; $i <= $lines; $i++) {
    error_log(str_pad("line $i ", number('bytes', 16), 'x'));
}
header('Content-Type: text/plain');
echo "ok\n";
