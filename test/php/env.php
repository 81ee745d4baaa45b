<?php
// $_SERVER as JSON.
require __DIR__ . '/inc.php';

answer($_SERVER);
