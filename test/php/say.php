<?php
// Answers with ?status=, each of ?header[]= as a header line, and ?body= (base64).
// ?length=1 adds a Content-Length.
declare(strict_types=1);

ini_set('default_mimetype', '');
ini_set('default_charset', '');
http_response_code((int) ($_GET['status'] ?? 200));
foreach ((array) ($_GET['header'] ?? []) as $line) {
    header((string) $line, false);
}
$body = (string) base64_decode((string) ($_GET['body'] ?? ''), true);
if (isset($_GET['length'])) {
    header('Content-Length: ' . strlen($body));
}
echo $body;
