<?php
// Kills its own worker in the middle of the answer; with ?when=start before
// the first byte of it. php-fpm starts another worker.
require __DIR__ . '/inc.php';

if (($_GET['when'] ?? '') !== 'start') {
    header('Content-Type: text/plain');
    echo "half of the answer\n";
    push();
    work(number('ms'));
}
if (function_exists('posix_kill')) {
    posix_kill(getmypid(), 9);
} else {
    exec('kill -9 ' . getmypid());
}
