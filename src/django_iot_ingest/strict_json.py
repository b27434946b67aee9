"""Read verified bytes as one I-JSON text (RFC 7493), and nothing that only looks like one.

The standard library's reader is laxer than the wire: it guesses UTF-16, skips a byte order mark,
lets the last of two equal names win, knows NaN, and takes integers and depths without a bound. Two
readers that differ in any of these see two different events in the same signed bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
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
        text = data.decode("utf-8")
        value = (_careful_decoder if _may_be_out_of_range(data) else _decoder).decode(text)
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


def _may_be_out_of_range(data: bytes) -> bool:
    alike = data.translate(_DIGITS_ALIKE)
    return any(risky in alike for risky in _RISKY_NUMBERS)


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
    level = _nested([value])
    for _ in range(limit):
        if not level:
            return False
        level = [
            child
            for item in level
            for child in _nested(item.values() if isinstance(item, dict) else item)
        ]
    return bool(level)


def _nested(values: Iterable[Any]) -> list[Any]:
    """Return those values that have values inside."""
    return [value for value in values if isinstance(value, _CONTAINERS)]


_CONTAINERS = (dict, list)

_DIGITS_ALIKE = bytes.maketrans(b"123456789E", b"000000000e")
_RISKY_NUMBERS = (b"0" * 16, b"0e000", b"0e+000", b"0e-000")
"""What every number that may be out of range looks like, once its digits are all alike."""

_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
_careful_decoder = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_float,
    parse_constant=_constant,
)
"""Looks at each number, which takes three times as long."""
