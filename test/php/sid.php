<?php
// Prints session_id() as it is, nothing around it. X-Session-New says whether
// PHP made the id up (it then sets the cookie) or took it from the request.
session_start();
$new = preg_grep('/^Set-Cookie: ' . preg_quote(session_name(), '/') . '=/i', headers_list());
header('X-Session-New: ' . ($new ? 'yes' : 'no'));
header('Content-Type: application/octet-stream');
echo session_id();
session_abort();
