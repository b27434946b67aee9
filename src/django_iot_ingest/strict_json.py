"""Read verified bytes as one I-JSON text (RFC 7493), and nothing that only looks like one.

The standard library's reader is laxer than the wire: it guesses UTF-16, skips a byte order mark,
lets the last of two equal names win, knows NaN, and takes integers and depths without a bound. Two
readers that differ in any of these see two different events in the same signed bytes.

Where ``orjson`` is installed (the extra ``speed``), it reads and writes what is not at the edge of
these rules: faster, and to the same values.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn

from django_iot_ingest.exceptions import InvalidJson

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]

MAX_DEPTH = 16
"""Objects and arrays inside each other, the outermost included."""

MAX_INTEGER = 2**53
"""Largest magnitude of an integer that every receiver reads exactly."""


def loads(data: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """Return the value of one I-JSON text; ``InvalidJson`` for anything else.

    Escaped lone surrogates and noncharacters pass: texts are cleaned where they are used.
    """
    try:
        alike = data.translate(_ALIKE, b"+-")
        may_be_out_of_range = any(risky in alike for risky in _RISKY_NUMBERS)
        value = _decode_carefully(data) if may_be_out_of_range else _decode(data)
        names = _count_names(value, max_depth)
        if not may_be_out_of_range and (names != data.count(b'":') or b" :" in alike):
            _decode_carefully(data)
    except (ValueError, RecursionError):
        raise InvalidJson from None
    return value


def load_object(data: bytes) -> dict[str, Any]:
    """Return the object of an I-JSON text; ``InvalidJson`` if it is not one object."""
    value = loads(data)
    if not isinstance(value, dict):
        raise InvalidJson
    return value


def dumps(value: Any, default: Callable[[Any], Any] | None = None) -> str:
    """Return the JSON text of a value that was read here, or of one like it.

    ``default`` makes JSON of what JSON does not know; ``orjson`` writes a time by itself, in the
    form of ``isoformat``.
    """
    return orjson.dumps(value, default).decode() if orjson else json.dumps(value, default=default)


def _decode(data: bytes) -> Any:
    if orjson:
        try:
            return orjson.loads(data)
        except ValueError:
            pass  # it refuses escaped lone surrogates; whatever else it refuses is refused again
    return _decoder.decode(data.decode("utf-8"))


def _decode_carefully(data: bytes) -> Any:
    return _careful_decoder.decode(data.decode("utf-8"))


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


def _count_names(value: Any, max_depth: int) -> int:
    """Return how many names all objects of a value have; ``ValueError`` if it is deeper."""
    names = 0
    level = [value]
    for _ in range(max_depth + 1):
        level = [item for item in level if type(item) in _CONTAINERS]
        if not level:
            return names
        inside: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                names += len(item)
                inside += item.values()
            else:
                inside += item
        level = inside
    raise ValueError("too deep")


_CONTAINERS = frozenset({dict, list})

_ALIKE = bytes.maketrans(b"123456789E\t\r\n", b"000000000e   ")

_RISKY_NUMBERS = (b"0" * 16, b"0e000")
"""What every number that may be out of range looks like, once its digits are all alike and its
signs are gone."""

_decoder = json.JSONDecoder(parse_constant=_constant)
"""Does not see that a name came twice, of which the last one wins.

Unless blanks precede a colon, each name in a text is one ``":``, and what else holds these two are
strings. So no name was lost if there are no more of them than names that were read.
"""

_careful_decoder = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_float,
    parse_constant=_constant,
)
"""Looks at each object and number, which takes three times as long."""
