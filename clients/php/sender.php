<?php
// Sign events and send them: `php sender.php URL FILE` (PHP 8, no extension), or included by a program.
declare(strict_types=1);

/** Before each try, at most for Retry-After, and for an answer. */
define('SECONDS', array_map('floatval', explode(' ', getenv('IOT_SECONDS') ?: '0 2 4 30 15')));

/** Return the X-Signature of exactly these bytes, followed by the text of X-Timestamp. */
function sign(string $body, string $timestamp, string $secret): string
{
    return base64_encode(hash_hmac('sha256', $body . $timestamp, $secret, true));
}

final class Sender
{
    /** The account is an `email` and a `password`: for a token, and for the next one. */
    public function __construct(private string $url, private string $secret, private string $token = '',
        private array $account = [])
    {
        preg_match('~^[!-\~]*$~D', $token) || throw new InvalidArgumentException('the token is no value of a header');
    }

    /** Send an event until it is answered 200, or never will be; return whether it was. */
    public function deliver(string $body): bool
    {
        [$mayLogIn, $later] = [$this->token !== '' && $this->account, 0];
        foreach (array_slice(SECONDS, 0, 3) as $pause) {
            usleep((int) (1e6 * max($pause, min($later, SECONDS[3]))));
            [$status, $later] = $this->send($body);
            if ($status === 401 && $mayLogIn) { // once for an event, or it might never end
                [$this->token, $mayLogIn] = ['', false];
                [$status, $later] = $this->send($body);
            }
            if (!in_array($status, [0, 408, 429]) && $status < 500) {
                return $status === 200;
            }
        }
        return false;
    }

    /** Send the bytes under a new signature, after a log-in if there is no token. */
    private function send(string $body): array
    {
        if ($this->token === '') {
            $url = preg_replace('~^(https?://[^/]+).*~', '$1/api/admin/login', $this->url);
            [$status, $later, $this->token] = post($url, json_encode($this->account), [], 'access_token');
            if ($this->token === '') {
                return [$status === 200 ? 401 : $status, $later];
            }
        }
        $now = (string) time();
        $signed = ["X-Timestamp: $now", 'X-Signature: ' . sign($body, $now, $this->secret)];
        return post($this->url, $body, ["Authorization: Bearer $this->token", ...$signed], 'state|error');
    }
}

/** Return an answer's status (0 for none), Retry-After, and the text of that name in it. */
function post(string $url, string $body, array $headers, string $name): array
{
    $options = ['method' => 'POST', 'content' => $body, 'timeout' => SECONDS[4], 'follow_location' => 0,
        'ignore_errors' => true, 'header' => ['Content-Type: application/json', ...$headers]];
    $stream = @fopen($url, 'r', false, stream_context_create(['http' => $options]));
    $head = $stream ? implode("\n", stream_get_meta_data($stream)['wrapper_data']) : '';
    $text = $stream ? (string) stream_get_contents($stream) : '';
    $status = preg_match('~^HTTP/\S+ (\d+)~', $head, $found) ? (int) $found[1] : 0;
    $size = preg_match('~^Content-Length: *(\d{1,9})\s*$~mi', $head, $found) ? (int) $found[1] : 0;
    $status = strlen($text) < $size ? 0 : $status; // an answer that was cut is none
    $later = preg_match('~^Retry-After: *(\d{1,9})\s*$~mi', $head, $found) ? (int) $found[1] : 0;
    $word = preg_match("~\"(?:$name)\"\s*:\s*\"([\w.\~+/=-]+)\"~", $text, $found) ? $found[1] : '';
    echo $status, ' ', $name === 'access_token' ? 'log-in' : $word, "\n";
    return [$status, $later, $word];
}

if (realpath($_SERVER['SCRIPT_FILENAME']) === __FILE__) {
    [$email, $password, $token] = array_map('getenv', ['IOT_EMAIL', 'IOT_PASSWORD', 'IOT_TOKEN']);
    $account = $email ? ['email' => $email, 'password' => $password] : [];
    $sender = new Sender($argv[1], getenv('IOT_SYSTEM_SIGNATURE_SECRET'), trim((string) $token), $account);
    exit($sender->deliver(file_get_contents($argv[2])) ? 0 : 1);
}
