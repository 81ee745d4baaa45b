<?php
// Adds one to the session's counter, closes the session, and calls ?call= of the
// site at ?at= (host:port) with its own cookie, ?times= at once. Prints its own
// number, each answer's status and body, and the number in the end. ?pass=1
// passes the gate's token on. ?wait=0 waits for the file ?until= in place of the
// answers.
require __DIR__ . '/inc.php';

/** Begins a request; the answer can be read from what is returned. */
function call(string $at, string $target)
{
    $connection = stream_socket_client("tcp://$at", $code, $message, 5);
    stream_set_timeout($connection, 30);
    $head = "GET $target HTTP/1.0\r\nHost: gate.test\r\nCookie: " . session_name() . '=' . session_id() . "\r\n";
    if (number('pass')) {
        $head .= 'X-Sessiongate-Loopback: ' . ($_SERVER['HTTP_X_SESSIONGATE_LOOPBACK'] ?? '') . "\r\n";
    }
    fwrite($connection, "$head\r\n");
    return $connection;
}

mark('begin');
session_start();
$_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;
$lines = [$_SESSION['n']];
session_write_close();

$calls = [];
for ($i = number('times', 1); $i > 0; $i--) {
    $calls[] = call((string) $_GET['at'], (string) $_GET['call']);
}
if (number('wait', 1)) {
    foreach ($calls as $connection) {
        [$head, $body] = explode("\r\n\r\n", stream_get_contents($connection), 2) + ['', ''];
        $lines[] = substr($head, 9, 3) . ' ' . trim($body);
    }
} else {
    for ($end = microtime(true) + 60; !file_exists((string) $_GET['until']) && microtime(true) < $end;) {
        work(2);
        clearstatcache();
    }
}

session_start();
$lines[] = $_SESSION['n'];
session_write_close();
header('Content-Type: text/plain');
echo implode("\n", $lines), "\n";
mark('end');
