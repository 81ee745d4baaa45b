<?php
// Says what arrived as the request's body.
require __DIR__ . '/inc.php';

$length = 0;
$first = '';
$hash = hash_init('sha256');
$input = fopen('php://input', 'rb');
while (!feof($input)) {
    $part = (string) fread($input, 65536);
    $length += strlen($part);
    $first .= substr($part, 0, max(0, 64 - strlen($first)));
    hash_update($hash, $part);
}
answer([
    'method' => $_SERVER['REQUEST_METHOD'],
    'content_type' => $_SERVER['CONTENT_TYPE'] ?? null,
    'content_length' => $_SERVER['CONTENT_LENGTH'] ?? null,
    'length' => $length,
    'sha256' => hash_final($hash),
    'first' => bin2hex($first),
    'post' => count($_POST, COUNT_RECURSIVE),
]);
