"""Print what the sender's ``sign`` makes of each line: secret, body and timestamp in Base64."""

from __future__ import annotations

import base64
import runpy
import sys

sign = runpy.run_path(sys.argv[1])["sign"]
for line in sys.stdin:
    secret, body, timestamp = (
        base64.b64decode("" if word == "-" else word) for word in line.split()
    )
    print(sign(body, timestamp.decode(), secret.decode()))
