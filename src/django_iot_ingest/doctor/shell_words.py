"""Split a pasted shell command into words, as bash does where nothing has to be run for it."""

from __future__ import annotations

import re

_SIMPLE = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "e": "\x1b",
}
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|(.))", re.DOTALL
)
_PART = re.compile(
    r"""
    (?P<blank>(?:\s|\\\r?\n)+)
    |\$'(?P<ansi>(?:[^'\\]|\\.)*)'
    |'(?P<single>[^']*)'
    |"(?P<double>(?:[^"\\]|\\.)*)"
    |\\(?P<escaped>.)
    |(?P<bare>[^\s'"\\])
    """,
    re.VERBOSE | re.DOTALL,
)


def split(text: str) -> list[str]:
    """Return the words of one command; ``ValueError`` if a quote is left open."""
    words: list[str] = []
    word: str | None = None
    position = 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            raise ValueError("a quote is opened and not closed")
        position = part.end()
        if part["blank"]:
            words += [] if word is None else [word]
            word = None
        else:
            word = (word or "") + _meaning(part)
    return words if word is None else [*words, word]


def _meaning(part: re.Match[str]) -> str:
    if part["ansi"] is not None:
        return _ESCAPE.sub(_unescaped, part["ansi"])
    if part["double"] is not None:
        return re.sub(r'\\([$`"\\]|\r?\n)', lambda m: m[1].strip("\r\n"), part["double"])
    found = part["single"], part["escaped"], part["bare"]
    return next(text for text in found if text is not None)


def _unescaped(match: re.Match[str]) -> str:
    two, four, eight, octal, other = match.groups()
    if octal:
        return chr(int(octal, 8) & 0xFF)
    digits = two or four or eight
    if digits:
        number = int(digits, 16)
        return chr(number) if number < 0x110000 else "\ufffd"
    return _SIMPLE.get(other, other if other in "\\'\"?" else f"\\{other}")
