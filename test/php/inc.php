<?php
// Shared by the pages: arguments, work, and the journal.

/** A whole number from the query, within 0..$max. */
function number(string $name, int $default = 0, int $max = 1000000): int
{
    $value = $_GET[$name] ?? $default;
    return is_numeric($value) ? max(0, min($max, (int) $value)) : $default;
}

/** Stands for the page's work: waits without using the processor. */
function work(int $ms): void
{
    if ($ms > 0) {
        usleep($ms * 1000);
    }
}

/** Waits until a file is there, for a minute at most. */
function await(string $file): void
{
    $deadline = microtime(true) + 60;
    while (!file_exists($file) && microtime(true) < $deadline) {
        usleep(5000);
    }
}

/**
 * Appends "WORD ID SECONDS" to the journal, the file named by ?journal= or by
 * the environment's JOURNAL. Lines of pages that run at once never mix.
 */
function mark(string $word): void
{
    $file = $_GET['journal'] ?? getenv('JOURNAL');
    if (is_string($file) && $file !== '') {
        $id = $_GET['id'] ?? '-';
        $line = sprintf("%s %s %.6f\n", $word, is_string($id) ? $id : '-', microtime(true));
        file_put_contents($file, $line, FILE_APPEND | LOCK_EX);
    }
}

/** Sends everything written so far to the client. */
function push(): void
{
    while (ob_get_level() > 0) {
        ob_end_flush();
    }
    flush();
}

/** Answers with a value as JSON; bytes that are not UTF-8 become U+FFFD. */
function answer(array $value): void
{
    header('Content-Type: application/json');
    echo json_encode($value, JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}
