"""Every way to be refused before the bearer holds, no two requests alike."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jwt
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory

Environ = dict[str, Any]

METHOD = "405 METHOD_NOT_ALLOWED"
ADDRESS = "403 IP_NOT_ALLOWED"
TYPE = "415 UNSUPPORTED_MEDIA_TYPE"
LENGTH = "411 LENGTH_REQUIRED"
SIZE = "413 PAYLOAD_TOO_LARGE"
SHAPE = "403 INVALID_SIGNATURE"
BEARER = "401 NOT_AUTHENTICATED"

OTHER_KEY = "a-key-of-somebody-else-that-is-long-enough-for-it"
HOUR = 3600


class Stranger(NamedTuple):
    """One kind of stranger: who he is, what he is told, and how request ``n`` is no good."""

    what: str
    answer: str
    changes: Callable[[int], Environ]


class Door:
    """Django's WSGI handler without a client: what a request costs there is the project's."""

    def __init__(self, good: Environ) -> None:
        self.handler = WSGIHandler()
        self.good = {**RequestFactory()._base_environ(), **good}

    def answer(self, changes: Environ) -> str:
        """Return what a good request is told, once it is changed."""
        response = self.ask({**self.good, **changes})
        said = json.loads(response.content)
        return (
            f"{response.status_code} {said['data']['state'] if said['success'] else said['error']}"
        )

    def ask(self, environ: Environ) -> Any:
        """Return the response, once all is done for the request that a server would do."""
        response = self.handler(environ, lambda status, headers: None)
        response.close()
        return response


def bearer(n: int, key: str = OTHER_KEY, algorithm: str = "HS256", **claims: Any) -> Environ:
    """Return the header with a token that says it is the admin's."""
    said = {"token_type": "access", "exp": int(time.time()) + HOUR, "jti": str(n), "user_id": "1"}
    token = jwt.encode({**said, **claims}, key, algorithm=algorithm)
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


def expired(n: int) -> Environ:
    """Return a token that was good; an hour too old."""
    return bearer(n, settings.SECRET_KEY, exp=int(time.time()) - HOUR)


def refresh(n: int) -> Environ:
    """Return a good refresh token in place of an access token."""
    return bearer(n, settings.SECRET_KEY, token_type="refresh")


def cookie(n: int) -> Environ:
    """Return a browser's session, as far as anybody can guess one."""
    return {"HTTP_AUTHORIZATION": "", "HTTP_COOKIE": f"sessionid={n:032d}; csrftoken={n:032d}"}


STRANGERS = [
    Stranger("another method", METHOD, lambda n: {"REQUEST_METHOD": f"X{n}"}),
    Stranger("method HEAD", METHOD, lambda n: {"REQUEST_METHOD": "HEAD"}),
    Stranger("another address", ADDRESS, lambda n: {"REMOTE_ADDR": f"198.51.100.{n % 256}"}),
    Stranger("another IPv6 address", ADDRESS, lambda n: {"REMOTE_ADDR": f"2001:db8::{n:x}"}),
    Stranger(
        "another address, forging a header",
        ADDRESS,
        lambda n: {"REMOTE_ADDR": "198.51.100.7", "HTTP_X_FORWARDED_FOR": f"203.0.113.{n % 256}"},
    ),
    Stranger("another type", TYPE, lambda n: {"CONTENT_TYPE": f"text/{n}"}),
    Stranger("another charset", TYPE, lambda n: {"CONTENT_TYPE": "application/json; charset=gbk"}),
    Stranger("another encoding", TYPE, lambda n: {"HTTP_CONTENT_ENCODING": f"gzip-{n}"}),
    Stranger("no length", LENGTH, lambda n: {"CONTENT_LENGTH": ""}),
    Stranger("a length that is none", LENGTH, lambda n: {"CONTENT_LENGTH": f"-{n}"}),
    Stranger("a chunked body", LENGTH, lambda n: {"HTTP_TRANSFER_ENCODING": "chunked"}),
    Stranger("a large body", SIZE, lambda n: {"CONTENT_LENGTH": str(262_145 + n)}),
    Stranger("no signature", SHAPE, lambda n: {"HTTP_X_SIGNATURE": ""}),
    Stranger("a malformed signature", SHAPE, lambda n: {"HTTP_X_SIGNATURE": f"{n:044d}"}),
    Stranger("a malformed timestamp", SHAPE, lambda n: {"HTTP_X_TIMESTAMP": f"{n:09d}"}),
    Stranger("no bearer", BEARER, lambda n: {"HTTP_AUTHORIZATION": ""}),
    Stranger("another scheme", BEARER, lambda n: {"HTTP_AUTHORIZATION": f"Basic {n}"}),
    Stranger("two bearers", BEARER, lambda n: {"HTTP_AUTHORIZATION": f"Bearer a.b.c,Bearer {n}"}),
    Stranger("a malformed bearer", BEARER, lambda n: {"HTTP_AUTHORIZATION": f"Bearer {n}.b.c"}),
    Stranger("a session in place of a bearer", BEARER, cookie),
    Stranger("a JWT of another key", BEARER, bearer),
    Stranger("a JWT of no algorithm", BEARER, lambda n: bearer(n, "", "none")),
    Stranger("a JWT of another algorithm", BEARER, lambda n: bearer(n, "k" * 64, "HS512")),
    Stranger("an expired JWT", BEARER, expired),
    Stranger("a refresh token", BEARER, refresh),
]
"""The last two once were somebody: neither is looked up."""
