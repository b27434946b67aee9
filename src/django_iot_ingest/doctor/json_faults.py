"""Where a body breaks the rules of I-JSON: ``strict_json`` says no, and this says at which place.

It looks for no other faults than those that ``strict_json`` refuses.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from django_iot_ingest.doctor import bodies
from django_iot_ingest.doctor.codes import Code
from django_iot_ingest.doctor.findings import Mistake, shown
from django_iot_ingest.strict_json import MAX_DEPTH, MAX_INTEGER

UNICODE_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}

LONGEST_DIGITS = 17

_TOKEN = re.compile(
    r"""
    (?P<string>"(?:[^"\\]|\\.)*(?:"|\\?\Z))  # one left open goes to the end: quotes in it begin none
    |(?P<number>-?(?:0|[1-9][0-9]*)(?P<float>(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?))
    |(?P<mark>[\[\]{}:,])
    |(?P<word>[A-Za-z]+)
    """,
    re.VERBOSE | re.DOTALL,
)


def find(body: bytes) -> Mistake:
    """Return the first reason for which a body that was refused is no I-JSON object."""
    return _bytes(body) or _text(body.decode("utf-8"))


def _bytes(body: bytes) -> Mistake | None:
    """Return why the bytes are no UTF-8 text, if they are none."""
    if not body.strip():
        return Mistake(Code.BODY_EMPTY, f"It has {len(body)} bytes." if body else "")
    if body.startswith(codecs.BOM_UTF8):
        return Mistake(Code.BOM_SENT, "Its first three bytes are EF BB BF.")
    if bodies.unpack(body) is not None:
        return Mistake(Code.BODY_COMPRESSED, "Its first bytes are those of gzip or zlib.")
    name = _utf16(body)
    if name:
        return Mistake(Code.BODY_NOT_UTF8, f"It looks like {name}.")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        at = f"Byte {error.start} (of {len(body)}, counted from 0) is 0x{body[error.start]:02x}"
        return Mistake(Code.BODY_NOT_UTF8, f"{at}: {error.reason}.")
    return None


def _utf16(body: bytes) -> str:
    for mark, name in UNICODE_MARKS.items():
        if body.startswith(mark):
            return f"{name} with a byte order mark"
    if body[:1] == b"\0" or body[1:2] == b"\0":
        return "UTF-16 or UTF-32 without a byte order mark"
    return ""


def _text(text: str) -> Mistake:
    depth = _too_deep(text)
    if depth:
        return depth
    try:
        value = json.JSONDecoder().decode(text)
    except json.JSONDecodeError as error:
        return Mistake(Code.JSON_SYNTAX, f"{error.msg}, {_place(text, error.pos)}.")
    except (ValueError, RecursionError):  # a number of thousands of digits
        value = {}
    for mistake in _Scan(text).run():
        return mistake
    if not isinstance(value, dict):
        return Mistake(Code.JSON_NOT_OBJECT, f"It is {_kind(value)}.")
    return Mistake(Code.JSON_SYNTAX)


def _kind(value: object) -> str:
    names = {list: "an array", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _too_deep(text: str) -> Mistake | None:
    """Return where brackets lie too deep, before a reader meets them."""
    depth = 0
    for token in _TOKEN.finditer(text):
        mark = token["mark"]
        depth += 1 if mark in ("{", "[") else -1 if mark in ("}", "]") else 0
        if depth > MAX_DEPTH:
            return Mistake(
                Code.JSON_TOO_DEEP, f"Level {depth} begins {_place(text, token.start())}."
            )
    return None


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return f"at line {line}, column {column}"


@dataclass
class _Level:
    """An object or array that is open: what stands in it so far."""

    is_object: bool
    names: set[str] = field(default_factory=set)
    name: str = ""
    index: int = 0
    is_name_next: bool = True


@dataclass
class _Scan:
    """Walk over a text that is JSON to the standard library, and judge each token at its place."""

    text: str
    levels: list[_Level] = field(default_factory=list)

    def run(self) -> Iterator[Mistake]:
        for token in _TOKEN.finditer(self.text):
            if token["mark"]:
                self._mark(token["mark"])
            elif self.levels and self.levels[-1].is_object and self.levels[-1].is_name_next:
                yield from self._name(token)
            else:
                yield from self._value(token)

    def _mark(self, mark: str) -> None:
        if mark in "{[":
            self.levels.append(_Level(mark == "{"))
        elif mark in "}]":
            self.levels.pop()
        else:
            self.levels[-1].is_name_next = mark == ","
            self.levels[-1].index += mark == ","

    def _name(self, token: re.Match[str]) -> Iterator[Mistake]:
        level = self.levels[-1]
        level.name = json.loads(token[0])
        if level.name in level.names:
            yield Mistake(Code.JSON_DUPLICATE_NAME, self._told(token))
        level.names.add(level.name)

    def _value(self, token: re.Match[str]) -> Iterator[Mistake]:
        if token["word"] and token["word"] not in ("true", "false", "null"):
            yield Mistake(Code.JSON_NOT_A_NUMBER, self._told(token))
        elif token["number"] and _is_too_large(token["number"], bool(token["float"])):
            yield Mistake(Code.JSON_NUMBER_TOO_LARGE, self._told(token))

    def _told(self, token: re.Match[str]) -> str:
        path = ".".join(
            level.name if level.is_object else str(level.index) for level in self.levels
        )
        where = f"At {shown(path)}, " if path else ""
        return (
            f"{where}{_place(self.text, token.start()).removeprefix('at ')}: {shown(token[0], 40)}."
        )


def _is_too_large(number: str, is_float: bool) -> bool:
    if is_float:
        return math.isinf(float(number))
    return len(number) > LONGEST_DIGITS or abs(int(number)) > MAX_INTEGER
