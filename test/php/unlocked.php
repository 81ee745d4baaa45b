<?php
// For auto_prepend_file: sessions in files that nobody locks. What PHP's own
// "files" handler keeps apart can collide here, as it does with phpredis when
// its locking is off. A write is atomic: a reader sees the old session or the
// new one, never half of one.

final class UnlockedSessions implements SessionHandlerInterface, SessionUpdateTimestampHandlerInterface
{
    private $folder = '';

    public function open($path, $name): bool
    {
        $this->folder = $path !== '' ? $path : sys_get_temp_dir();
        return is_dir($this->folder);
    }

    public function close(): bool
    {
        return true;
    }

    public function read($id): string
    {
        $data = @file_get_contents($this->file($id));
        return $data === false ? '' : $data;
    }

    public function write($id, $data): bool
    {
        $temporary = tempnam($this->folder, 'new');
        return $temporary !== false
            && file_put_contents($temporary, $data) === strlen($data)
            && rename($temporary, $this->file($id));
    }

    public function destroy($id): bool
    {
        @unlink($this->file($id));
        return true;
    }

    public function gc($lifetime): int
    {
        $gone = 0;
        foreach (glob($this->folder . '/u_*') ?: [] as $file) {
            if (@filemtime($file) < time() - $lifetime && @unlink($file)) {
                $gone++;
            }
        }
        return $gone;
    }

    public function validateId($id): bool
    {
        return is_file($this->file($id));
    }

    public function updateTimestamp($id, $data): bool
    {
        return $this->write($id, $data);
    }

    // Hashed: an id may hold any byte and be longer than a file name.
    private function file($id): string
    {
        return $this->folder . '/u_' . sha1($id);
    }
}

session_set_save_handler(new UnlockedSessions(), true);

// Where the handler is an admin value, PHP keeps its own without a word, and
// with it the lock: nothing that is measured then means anything.
if (session_module_name() !== 'user') {
    http_response_code(500);
    exit("unlocked.php: session.save_handler is an admin value, sessions are still locked\n");
}
