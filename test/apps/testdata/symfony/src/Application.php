<?php
// A Symfony application with a log-in and sessions, configured as a project's
// files in config/ would.
use Symfony\Bundle\FrameworkBundle\FrameworkBundle;
use Symfony\Bundle\FrameworkBundle\Kernel\MicroKernelTrait;
use Symfony\Bundle\SecurityBundle\SecurityBundle;
use Symfony\Component\DependencyInjection\Loader\Configurator\ContainerConfigurator;
use Symfony\Component\HttpKernel\Kernel;
use Symfony\Component\Routing\Loader\Configurator\RoutingConfigurator;
use Symfony\Component\Security\Core\User\InMemoryUser;

final class Application extends Kernel
{
    use MicroKernelTrait;

    public function registerBundles(): iterable
    {
        return [new FrameworkBundle(), new SecurityBundle()];
    }

    public function getCacheDir(): string
    {
        return getenv('APP_CACHE');
    }

    public function getLogDir(): string
    {
        return getenv('APP_CACHE');
    }

    protected function configureContainer(ContainerConfigurator $container): void
    {
        $container->extension('framework', [
            'secret' => 'of a test',
            'csrf_protection' => true,
            'http_method_override' => true,
            'trusted_proxies' => getenv('TRUSTED_PROXIES') ?: null,
            'trusted_headers' => ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port'],
            'session' => [
                'storage_factory_id' => 'session.storage.factory.native',
                'handler_id' => UnlockedSessions::class,
                'cookie_secure' => 'auto',
                'cookie_samesite' => 'lax',
            ],
        ]);
        $container->extension('security', [
            'enable_authenticator_manager' => true,
            'password_hashers' => [InMemoryUser::class => 'plaintext'],
            'providers' => ['people' => ['memory' => ['users' => ['editor' => ['password' => getenv('PASSWORD'), 'roles' => ['ROLE_USER']]]]]],
            'firewalls' => ['main' => [
                'lazy' => true,
                'form_login' => ['login_path' => 'login', 'check_path' => 'login', 'default_target_path' => 'account', 'enable_csrf' => true],
                'logout' => ['path' => 'logout', 'target' => 'home'],
            ]],
            'access_control' => [['path' => '^/account', 'roles' => 'ROLE_USER']],
        ]);
        $container->services()
            ->set(UnlockedSessions::class, UnlockedSessions::class)
            ->set(Pages::class, Pages::class)->autowire()->public()->tag('controller.service_arguments');
    }

    protected function configureRoutes(RoutingConfigurator $routes): void
    {
        foreach (['home' => '/', 'login' => '/login', 'account' => '/account', 'note' => '/account/note', 'urls' => '/urls', 'stream' => '/stream', 'download' => '/download'] as $name => $path) {
            $routes->add($name, $path)->controller([Pages::class, $name]);
        }
        $routes->add('logout', '/logout');
    }
}
