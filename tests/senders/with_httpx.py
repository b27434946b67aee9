"""Send one event with httpx: ``python3 send.py URL FILE``, with ``httpx_auth.py`` beside it."""

import os
import sys
from pathlib import Path

import httpx
import httpx_auth


def tell(answer: httpx.Response) -> None:
    """Print what came back, also while ``SignedAuth`` logs in."""
    answer.read()
    is_log_in = answer.request.url.path.endswith("/login")
    word = "log-in" if is_log_in else httpx_auth.found("state|error", answer)
    print(answer.status_code, word, flush=True)


env = os.environ.get
*httpx_auth.PAUSES, httpx_auth.LONGEST_PAUSE, httpx_auth.TIMEOUT = map(
    float, env("IOT_SECONDS", "0 2 4 30 15").split()
)
account = {"email": env("IOT_EMAIL", ""), "password": env("IOT_PASSWORD", "")}
auth = httpx_auth.SignedAuth(
    os.environ["IOT_SYSTEM_SIGNATURE_SECRET"], env("IOT_TOKEN", ""), **account
)
url, event = sys.argv[1], Path(sys.argv[2]).read_bytes()
status = 0
with httpx.Client(auth=auth, event_hooks={"response": [tell]}) as client:
    for status in httpx_auth.deliver(client, url, event):
        if status == 0:
            print(0, flush=True)
sys.exit(status != 200)
