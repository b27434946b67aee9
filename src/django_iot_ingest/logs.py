"""What may stand in a log: nothing of a request unescaped, and no frame with what a request held.

A record with ``exc_info`` lets error mails and trackers print the local variables of every frame: the
body, the bearer token, a secret. So a failure is logged as text that is made here.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Hashable, Iterator

MAX_MESSAGE = 300
"""Characters of one exception's own words."""

DATABASE_ERRORS = frozenset({"DatabaseError", "InterfaceError"})
"""Names that the error classes of every driver have among their bases (PEP 249)."""

QUIET_SECONDS = 60.0
"""Seconds in which a line of one kind is logged at most once."""


class Throttle:
    """Let one line of a kind through each minute, and count those that it holds back."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._kinds: dict[Hashable, tuple[float, int]] = {}

    def take(self, kind: Hashable) -> int | None:
        """Return how many lines were held back since the last one; None holds this one back too."""
        now = time.monotonic()
        with self._guard:
            logged_at, held_back = self._kinds.get(kind, (None, 0))
            if logged_at is not None and now - logged_at < QUIET_SECONDS:
                self._kinds[kind] = (logged_at, held_back + 1)
                return None
            self._kinds[kind] = (now, 0)
            return held_back

    def clear(self) -> None:
        """Forget what was logged, so that the next line of each kind is let through."""
        with self._guard:
            self._kinds.clear()


throttle = Throttle()
"""The one of this process."""


def trace(error: BaseException, *, with_words: bool = True) -> str:
    """Return where an error and its causes were raised, as lines to follow a log line.

    Their words are escaped and cut; without them nothing but code is shown.
    """
    lines = []
    for link in reversed(list(_causes(error))):
        lines += ["\n", *traceback.format_tb(link.__traceback__), _name(link)]
        lines += [f": {_words(link)}"] if with_words else []
    return "".join(lines)


def escaped(words: object) -> str:
    """Return any object's text on one line of ASCII, cut to ``MAX_MESSAGE``."""
    try:
        text = str(words)
    except Exception as error:  # noqa: BLE001 - told by its trace
        text = _name(error)
    return ascii(text[:MAX_MESSAGE])[1:-1]


def _words(error: BaseException) -> str:
    """Return an error's own words; of a database's the first line, for PostgreSQL shows the failing
    row, a body in it, in those that follow."""
    text = escaped(error)
    if DATABASE_ERRORS.isdisjoint(base.__name__ for base in type(error).__mro__):
        return text
    return text.partition("\\n")[0]


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"
