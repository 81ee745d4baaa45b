<?php
// The front controller, as symfony/skeleton has it, with Debian's autoloaders.
use Symfony\Component\HttpFoundation\Request;

require '/usr/share/php/Symfony/Bundle/FrameworkBundle/autoload.php';
require '/usr/share/php/Symfony/Bundle/SecurityBundle/autoload.php';
require __DIR__ . '/../src/Application.php';
require __DIR__ . '/../src/Pages.php';

$kernel = new Application('prod', false);
$request = Request::createFromGlobals();
$response = $kernel->handle($request);
$response->send();
$kernel->terminate($request, $response);
