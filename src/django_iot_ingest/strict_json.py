"""Read verified bytes as one I-JSON text (RFC 7493), and nothing that only looks like one.

The standard library's reader is laxer than the wire: it guesses UTF-16, skips a byte order mark,
lets the last of two equal names win, knows NaN, and takes integers and depths without a bound. Two
readers that differ in any of these see two different events in the same signed bytes.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from django_iot_ingest.exceptions import InvalidJson

MAX_DEPTH = 16
"""Objects and arrays inside each other, the outermost included."""

MAX_INTEGER = 2**53
"""Largest magnitude of an integer that every receiver reads exactly."""


def loads(data: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """Return the value of one I-JSON text; ``InvalidJson`` for anything else.

    Escaped lone surrogates and noncharacters pass: texts are cleaned where they are used.
    """
    try:
        value = _decoder.decode(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise InvalidJson from None
    if _is_deeper_than(max_depth, value):
        raise InvalidJson
    return value


def load_object(data: bytes) -> dict[str, Any]:
    """Return the object of an I-JSON text; ``InvalidJson`` if it is not one object."""
    value = loads(data)
    if not isinstance(value, dict):
        raise InvalidJson
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate name")
    return result


def _integer(text: str) -> int:
    # Length first: converting a text of many digits is slow, and above 4,300 an error of its own.
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise ValueError("integer out of range")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("number out of range")
    return value


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _is_deeper_than(limit: int, value: Any) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for item in level for child in _children(item)]
        if not level:
            return False
    return any(isinstance(item, dict | list) for item in level)


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []


_decoder = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_float,
    parse_constant=_constant,
)
