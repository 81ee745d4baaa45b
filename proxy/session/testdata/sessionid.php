<?php
// Says which session PHP would use: the id, and whether the request named it.
// A start that fails is that of an id which the handler refuses (files takes
// few characters); PHP had taken that id from the request all the same, and
// another handler would go on with it.
$sent = $_COOKIE[session_name()] ?? null;
$id = @session_start() ? session_id() : $sent;

// Handlers differ in what they make of a NUL; the gate cuts there.
function before_nul($id) { return is_string($id) ? explode("\0", $id)[0] : ''; }

$named = before_nul($sent) !== '' && before_nul($sent) === before_nul($id);
header('X-Session-Name: ' . rawurlencode(session_name()));
header('X-Session-Named: ' . ($named ? 'yes' : 'no'));
header('Content-Type: application/octet-stream');
echo before_nul($id);
