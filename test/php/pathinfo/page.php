<?php
// A script in a folder: says which script ran and what it was told.
require __DIR__ . '/../inc.php';

answer([
    'script' => $_SERVER['SCRIPT_NAME'],
    'file' => basename(dirname(__FILE__)) . '/' . basename(__FILE__),
    'path_info' => $_SERVER['PATH_INFO'] ?? '',
    'request_uri' => $_SERVER['REQUEST_URI'],
]);
