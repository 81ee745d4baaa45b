<?php
// With ?user= a log-in: waits until the file named by ?until= is there, gives the
// session another id, destroys the old one, and remembers the user. Prints who is
// logged in. Takes no id that it has not made up itself (strict mode).
require __DIR__ . '/inc.php';

ini_set('session.use_strict_mode', '1');
session_start();
if (isset($_GET['user'])) {
    mark('begin');
    if (isset($_GET['until'])) {
        await($_GET['until']);
    }
    session_regenerate_id(true);
    $_SESSION['user'] = $_GET['user'];
}
header('Content-Type: text/plain');
echo $_SESSION['user'] ?? 'nobody', "\n";
