<?php
use Symfony\Component\HttpFoundation\BinaryFileResponse;
use Symfony\Component\HttpFoundation\JsonResponse;
use Symfony\Component\HttpFoundation\RedirectResponse;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpFoundation\StreamedResponse;
use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;
use Symfony\Component\Routing\Generator\UrlGeneratorInterface;
use Symfony\Component\Security\Core\Security;
use Symfony\Component\Security\Csrf\CsrfToken;
use Symfony\Component\Security\Csrf\CsrfTokenManagerInterface;
use Symfony\Component\Security\Http\Authentication\AuthenticationUtils;

final class Pages
{
    private $tokens;
    private $urls;

    public function __construct(CsrfTokenManagerInterface $tokens, UrlGeneratorInterface $urls)
    {
        $this->tokens = $tokens;
        $this->urls = $urls;
    }

    // home does not touch the session.
    public function home(): Response
    {
        return new Response('<link rel="stylesheet" href="/style.css"><a href="/login">Log in</a>');
    }

    public function login(AuthenticationUtils $last): Response
    {
        $error = $last->getLastAuthenticationError();
        return new Response(($error ? '<p id="error">' . $error->getMessageKey() . '</p>' : '') . '
            <form id="login" method="post" action="/login">
            <input name="_username"><input name="_password" type="password">
            <input type="hidden" name="_csrf_token" value="' . $this->tokens->getToken('authenticate') . '"></form>');
    }

    public function account(Request $request, Security $security): Response
    {
        $session = $request->getSession();
        $notes = $session->get('notes', []);
        if ($request->query->has('seen')) {
            $notes[] = $request->query->get('seen');
            $session->set('notes', $notes);
        }
        return new Response('<p id="user">' . $security->getUser()->getUserIdentifier() . '</p>
            <p id="flash">' . implode('|', $session->getFlashBag()->get('notice')) . '</p>
            <p id="notes">' . htmlspecialchars(implode(' ', $notes)) . '</p>
            <form id="note" method="post" action="/account/note"><input name="text">
            <input type="hidden" name="_method" value="PUT">
            <input type="hidden" name="_token" value="' . $this->tokens->getToken('note') . '"></form>');
    }

    public function note(Request $request): Response
    {
        if (!$this->tokens->isTokenValid(new CsrfToken('note', $request->request->get('_token')))) {
            throw new AccessDeniedHttpException('the token is of another session');
        }
        $session = $request->getSession();
        $session->set('notes', array_merge($session->get('notes', []), [$request->getMethod() . ':' . $request->request->get('text')]));
        $session->getFlashBag()->add('notice', 'Noted');
        return new RedirectResponse($this->urls->generate('account', [], UrlGeneratorInterface::ABSOLUTE_URL), 303);
    }

    // urls says how Symfony sees the way that the request has come.
    public function urls(Request $request): Response
    {
        $request->getSession()->set('seen', true);
        return new JsonResponse(['home' => $this->urls->generate('home', [], UrlGeneratorInterface::ABSOLUTE_URL), 'secure' => $request->isSecure(), 'client' => $request->getClientIp()]);
    }

    public function stream(): Response
    {
        return new StreamedResponse(function (): void {
            for ($i = 0; $i < 3; $i++) {
                echo "part $i\n";
                while (ob_get_level()) {
                    ob_end_flush();
                }
                flush();
            }
        }, 200, ['Content-Type' => 'text/plain', 'X-Accel-Buffering' => 'no']);
    }

    public function download(Request $request): Response
    {
        if ($request->query->has('trust')) {
            BinaryFileResponse::trustXSendfileTypeHeader();
        }
        $response = new BinaryFileResponse(__FILE__, 200, ['Content-Type' => 'text/plain']);
        $response->setContentDisposition('attachment', 'pages.php');
        return $response;
    }
}
