<?php
// Sends ?n= server-sent events, one every ?ms=, with ?control= as X-Sessiongate,
// after working for ?before=. Those behind the first wait for the file named by
// ?until=, where there is one.
require __DIR__ . '/inc.php';

set_time_limit(0);
work(number('before'));
header('Content-Type: text/event-stream');
header('Cache-Control: no-store');
header('X-Accel-Buffering: no');
if (isset($_GET['control'])) {
    header('X-Sessiongate: ' . $_GET['control']);
}
$events = number('n', 10);
for ($i = 1; $i <= $events; $i++) {
    echo "data: $i\n\n";
    push();
    if ($i === 1 && isset($_GET['until'])) {
        await($_GET['until']);
    }
    work(number('ms', 100));
}
