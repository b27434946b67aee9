"""What no log may hold: secrets, tokens, MACs and bodies, whatever a test does.

Every request that a test signs tells its words here; each test ends by a search for them in all that
was logged while it ran, at any level, by any logger.
"""

from __future__ import annotations

import logging

WORDS_OF_A_BODY = 40
"""Characters of a body that betray it; shorter bodies say nothing that a log might not say too."""

SHORTEST_WORD = 8
"""Letters: a test's one-letter secret is in every line."""

SQL_LOGGER = "django.db.backends"
"""Django's own, which shows the parameters of each statement to whoever asks for SQL at DEBUG."""


class Ears(logging.Handler):
    """Keep what is logged, as a log file would have it, and what must not be in there."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.words: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != SQL_LOGGER:
            self.lines.append(self.format(record))

    def begin(self) -> None:
        """Forget the test before."""
        self.lines.clear()
        self.words.clear()

    def heard(self) -> list[str]:
        """Return the words of this test that are in its log."""
        text = "\n".join(self.lines)
        return sorted(word for word in list(self.words) if word in text)


ears = Ears()


def are_sensitive(*words: str) -> None:
    """Say that these must not be logged."""
    ears.words.update(word for word in words if len(word) >= SHORTEST_WORD)


def is_sensitive_body(body: bytes) -> None:
    """Say that a body must not be logged: neither as it came nor as Python writes it."""
    if len(body) > WORDS_OF_A_BODY:
        start = body[:WORDS_OF_A_BODY]
        are_sensitive(start.decode("latin-1"), repr(start)[2:-1])
