<?php
// Runs the must-use plugin of docs/php.md in place of WordPress: with one request
// to its HTTP API, which the plugin may change. Standard input is JSON: the plugin's
// file, the token that the gate has sent, the URL and the arguments. Prints them as
// they are then.
set_error_handler(function (int $kind, string $text): void {
    throw new ErrorException($text);
});

final class WP_Http_Cookie
{
    public $name;

    public function __construct(string $name)
    {
        $this->name = $name;
    }
}

function add_filter(string $hook, callable $filter, int $priority, int $arguments): void
{
    $GLOBALS['filters'][$hook] = $filter;
}

function wp_parse_url(string $url, int $part): ?string
{
    return parse_url($url, $part);
}

function home_url(): string
{
    return 'https://shop.example';
}

$given = json_decode(stream_get_contents(STDIN), true);
if ($given['token'] !== '') {
    $_SERVER['HTTP_X_SESSIONGATE_LOOPBACK'] = $given['token'];
}
if ($given['objects']) { // as plugins that take them from an answer have them
    $given['args']['cookies'] = array_map(fn ($name) => new WP_Http_Cookie($name), array_keys($given['args']['cookies']));
}
require $given['plugin'];
$args = $filters['http_request_args']($given['args'], $given['url']);
$names = array_map(fn ($cookie, $name) => $cookie->name ?? $name, $args['cookies'], array_keys($args['cookies']));
echo json_encode(['token' => $args['headers']['X-Sessiongate-Loopback'] ?? '', 'cookies' => implode(' ', $names)]);
