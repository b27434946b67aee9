<?php
// Print what the sender's `sign` makes of each line: secret, body and timestamp in Base64.
declare(strict_types=1);

require $argv[1];

foreach (file('php://stdin', FILE_IGNORE_NEW_LINES) as $line) {
    [$secret, $body, $timestamp] = array_map(
        fn (string $word): string => $word === '-' ? '' : base64_decode($word, true),
        explode(' ', $line),
    );
    echo sign($body, $timestamp, $secret), "\n";
}
