<?php
// Runs before every script of an application under test (auto_prepend_file).
//
// Sessions are not locked by PHP, so that only the gate keeps requests of one
// session apart. A request with the header X-Test-Label says in the journal when
// it begins and when it ends; with X-Test-Until it waits for that file to be there
// first, at most half a minute.
require __DIR__ . '/../../php/unlocked.php';

(function () {
    $label = $_SERVER['HTTP_X_TEST_LABEL'] ?? '';
    if ($label === '') {
        return;
    }
    $mark = function (string $word) use ($label): void {
        file_put_contents(getenv('JOURNAL'), "$word $label\n", FILE_APPEND | LOCK_EX);
    };
    $mark('begin');
    register_shutdown_function($mark, 'end');
    $until = $_SERVER['HTTP_X_TEST_UNTIL'] ?? '';
    for ($end = microtime(true) + 30; $until !== '' && !file_exists($until) && microtime(true) < $end;) {
        usleep(2000);
        clearstatcache();
    }
})();
