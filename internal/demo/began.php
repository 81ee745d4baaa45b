<?php
// For auto_prepend_file: says when PHP began, and leaves sessions unlocked.
header(sprintf('X-Began: %.6f', microtime(true)));
// The sample pages write to a file that the query names. Whatever can reach a
// port of this machine, a page in a browser included, could name any file.
unset($_GET['journal'], $_REQUEST['journal']);
require __DIR__ . '/unlocked.php';
