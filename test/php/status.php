<?php
// Answers with ?code=, and with ?location= as Location where given. A status
// of 204 or 304 gets no body.
require __DIR__ . '/inc.php';

$code = number('code', 200, 999);
if (isset($_GET['location'])) {
    header('Location: ' . $_GET['location']);
}
http_response_code($code);
if ($code !== 204 && $code !== 304) {
    header('Content-Type: text/plain');
    echo $code, "\n";
}
