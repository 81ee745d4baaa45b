<?php
// Answers with ?kb= of header lines of about 1 KB and ?cookies= cookies, in order.
require __DIR__ . '/inc.php';

$lines = number('kb', 60, 10000);
for ($i = 0; $i < $lines; $i++) {
    header(sprintf('X-Fill-%d: %s', $i, str_repeat(chr(97 + $i % 26), 1000)));
}
$cookies = number('cookies', 3, 1000);
for ($i = 0; $i < $cookies; $i++) {
    header(sprintf('Set-Cookie: c%d=%d; path=/', $i, $i), false);
}
header('Content-Type: text/plain');
echo "ok\n";
