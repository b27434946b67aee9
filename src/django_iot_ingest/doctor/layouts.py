"""How body and timestamp are put together to what is signed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from django_iot_ingest.doctor.codes import Code
from django_iot_ingest.doctor.findings import Mistake

DELIMITERS = {
    b".": '"."',
    b":": '":"',
    b"\n": "a line end (LF)",
    b"\r\n": "a line end (CR LF)",
    b"|": '"|"',
    b" ": "a blank",
    b",": '","',
    b"-": '"-"',
    b"_": '"_"',
    b"&": '"&"',
    b";": '";"',
    b"\0": "NUL",
}

LINE_ENDS = (b"\n", b"\r\n")


class Layout(NamedTuple):
    """One way to join a body and a time; whether each of them counts at all."""

    join: Callable[[bytes, bytes], bytes]
    mistakes: tuple[Mistake, ...] = ()
    has_body: bool = True
    has_stamp: bool = True


def _between(delimiter: bytes, is_first: bool) -> Callable[[bytes, bytes], bytes]:
    if is_first:
        return lambda body, stamp: body + delimiter + stamp
    return lambda body, stamp: stamp + delimiter + body


RIGHT = Layout(_between(b"", True))

_ORDER = Mistake(Code.WRONG_ORDER)


def _delimited(delimiter: bytes, name: str) -> tuple[Layout, Layout]:
    told = Mistake(Code.DELIMITER, f"It is {name}.")
    # Between the two, a delimiter and the last line end of a file are the same bytes.
    first = Mistake(Code.NEWLINE_SIGNED, f"It is {name}.") if delimiter in LINE_ENDS else told
    return (
        Layout(_between(delimiter, True), (first,)),
        Layout(_between(delimiter, False), (_ORDER, told)),
    )


WRONG = (
    Layout(_between(b"", False), (_ORDER,)),
    Layout(lambda body, stamp: body, (Mistake(Code.BODY_ALONE),), has_stamp=False),
    Layout(lambda body, stamp: stamp, (Mistake(Code.TIMESTAMP_ALONE),), has_body=False),
    *(layout for item in DELIMITERS.items() for layout in _delimited(*item)),
)
