"""The same JSON, written as other libraries write it: the signature may be over such bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

LARGEST = 65_536
"""Bytes of a body that is rewritten in every way; of a longer one only without indents."""

DEEPEST = 16
"""Levels of a body that is rewritten: as many as are read."""


class Layout(NamedTuple):
    """Separators and indent, and how they are told."""

    told: str
    comma: str
    colon: str
    indent: int | str | None = None


LAYOUTS = (
    Layout("without blanks", ",", ":"),
    Layout("with blanks after colons and commas", ", ", ": "),
    Layout("with blanks after colons", ",", ": "),
    Layout("indented by 2", ",", ": ", 2),
    Layout("indented by 4", ",", ": ", 4),
    Layout("indented by tabs", ",", ": ", "\t"),
)

_PLAIN = (str, int, float, type(None))

_ESCAPE = re.compile(r"\\(u[0-9a-f]{4}|.)")
_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_GSON = {**_HTML, "=": "\\u003d", "'": "\\u0027"}


def of(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield (bytes, how they are told) of each rewriting; none of what is no JSON."""
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return
    if _is_too_deep(value):
        # It is refused in any case. What can just be read may be too deep to be written, and with
        # indents a small body becomes many megabytes.
        return
    for base, told in _bases(value, len(body) > LARGEST):
        yield base.encode("utf-8", "surrogatepass"), told
        for change, more in _ESCAPES:
            yield change(base).encode("utf-8", "surrogatepass"), f"{told}, {more}"


def _is_too_deep(value: Any) -> bool:
    """Return whether objects and arrays lie deeper in each other than an event's may."""
    level = [value]
    for _ in range(DEEPEST):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [one for values in inner if not isinstance(values, _PLAIN) for one in values]
    return any(isinstance(one, dict | list) for one in level)


def _bases(value: Any, is_long: bool) -> Iterator[tuple[str, str]]:
    """Yield each layout, with names in order or not, with letters escaped or not."""
    for content, told_content in _contents(value):
        for layout in LAYOUTS:
            if layout.indent is not None and is_long:
                continue
            for is_sorted in (False, True):
                for is_ascii in (False, True):
                    told = [layout.told]
                    told += ["names sorted"] if is_sorted else []
                    told += ["letters beyond ASCII escaped"] if is_ascii else []
                    told += [told_content] if told_content else []
                    yield _written(content, layout, is_sorted, is_ascii), ", ".join(told)


def _written(value: Any, layout: Layout, is_sorted: bool, is_ascii: bool) -> str:
    return json.dumps(
        value,
        ensure_ascii=is_ascii,
        sort_keys=is_sorted,
        indent=layout.indent,
        separators=(layout.comma, layout.colon),
    )


def _contents(value: Any) -> Iterator[tuple[Any, str]]:
    """Yield the value, and what libraries make of it that know other numbers, or no null."""
    yield value, ""
    for change, told in (
        (_whole_numbers, "1.0 written as 1"),
        (_floats, "1 written as 1.0"),
        (_without_nulls, "null left out"),
        (_with_texts, "numbers written as texts"),
    ):
        changed = change(value)
        # 1 == 1.0, but they are not written alike.
        if json.dumps(changed) != json.dumps(value):
            yield changed, told


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {name: _mapped(item, change) for name, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    return change(value)


def _whole_numbers(value: Any) -> Any:
    def change(item: Any) -> Any:
        return int(item) if isinstance(item, float) and item.is_integer() else item

    return _mapped(value, change)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53


def _floats(value: Any) -> Any:
    return _mapped(value, lambda item: float(item) if _is_integer(item) else item)


def _with_texts(value: Any) -> Any:
    return _mapped(value, lambda item: str(item) if _is_integer(item) else item)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: item for name, item in value.items() if item is not None}
        return {name: _without_nulls(item) for name, item in kept.items()}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _with_slashes(text: str) -> str:
    return text.replace("/", "\\/")


def _with_upper_case(text: str) -> str:
    """Return escapes as ``\\u00E9``; a backslash that is escaped itself begins none."""
    return _ESCAPE.sub(lambda m: m[0][:2] + m[0][2:].upper() if len(m[0]) > 2 else m[0], text)


def _replaced(table: dict[str, str]) -> Callable[[str], str]:
    """Return a function that escapes letters; they stand in strings only."""
    letters = str.maketrans(table)
    return lambda text: text.translate(letters)


_ESCAPES: tuple[tuple[Callable[[str], str], str], ...] = (
    (_with_slashes, "slashes escaped"),
    (_with_upper_case, "escapes in upper case"),
    (_replaced(_HTML), "<, > and & escaped"),
    (_replaced(_GSON), "<, >, &, = and ' escaped"),
)
