"""The four ways to read a payload, alone and as lenient as the contract wants it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import msgspec
import pydantic
from rest_framework import parsers
from schemas import FULL, ROW_KEYS

from django_iot_ingest import snapshot, strict_json, wire
from django_iot_ingest.events import Receipt
from django_iot_ingest.exceptions import InvalidPayload

NOW = 1795452778
"""When the payload is received, in unix seconds."""

Steps = tuple[str | int, ...]


def at(value: Any, steps: Any) -> Any:
    """Return what lies at ``steps`` in objects, lists and attributes."""
    for step in steps:
        by_item = isinstance(value, dict | list) or isinstance(step, int)
        value = value[step] if by_item else getattr(value, step)
    return value


def prune(data: Any, steps: Steps) -> str:
    """Blank what is wrong at ``steps``, the whole row if it is the row's own key."""
    if len(steps) < 2 or steps == ("device", "serial_number"):
        raise InvalidPayload({str(steps[-1]): []})
    target = steps[:-1] if len(steps) == 3 and steps[-1] in ROW_KEYS else steps
    at(data, target[:-1])[target[-1]] = None
    return ".".join(map(str, steps))


class Library:
    """A schema library behind our JSON reader and cleaning; one loop makes any of them lenient."""

    title = openapi = ""

    def parse(self, body: bytes) -> Any:
        """Return the bare value, by the library's own JSON reader."""
        raise NotImplementedError

    def check(self, data: Any) -> tuple[Any, list[Steps]]:
        """Return the typed value, or the places of the faults that one pass finds."""
        raise NotImplementedError

    def alone(self, body: bytes) -> Any:
        """Parse and check with nothing but the library."""
        raise NotImplementedError

    def read(self, body: bytes) -> tuple[Any, set[str]]:
        """Return the typed value and the paths of what was dropped."""
        data = wire.clean_json(strict_json.load_object(body))
        warned: set[str] = set()
        while True:
            value, faults = self.check(data)
            if not faults:
                return value, warned
            warned |= {prune(data, steps) for steps in faults}

    def faults(self, body: bytes) -> set[str]:
        return {".".join(map(str, steps)) for steps in self.check(json.loads(body))[1]}

    def lenient_code(self) -> list[Callable[..., Any]]:
        return [prune, Library.read, type(self).check]


class Drf(Library):
    title = f"DRF {version('djangorestframework')}"
    openapi = "by drf-spectacular"

    def parse(self, body: bytes) -> Any:
        return parsers.JSONParser().parse(io.BytesIO(body))

    def check(self, data: Any) -> tuple[Any, list[Steps]]:
        serializer = FULL.drf(data=data)
        valid = serializer.is_valid()
        return serializer.validated_data if valid else None, list(self._steps(serializer.errors))

    def alone(self, body: bytes) -> Any:
        serializer = FULL.drf(data=self.parse(body))
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def _steps(self, errors: Any, steps: Steps = ()) -> Iterator[Steps]:
        if not isinstance(errors, dict):
            yield steps
            return
        for name, inner in errors.items():
            yield from self._steps(inner, steps if name == "non_field_errors" else (*steps, name))

    def lenient_code(self) -> list[Callable[..., Any]]:
        return [*super().lenient_code(), self._steps]


class Pydantic(Library):
    title = f"pydantic {version('pydantic')}"
    openapi = "JSON Schema, fit for 3.1"

    anything = pydantic.TypeAdapter(Any)

    def parse(self, body: bytes) -> Any:
        return self.anything.validate_json(body)

    def check(self, data: Any) -> tuple[Any, list[Steps]]:
        try:
            return FULL.pydantic.model_validate(data), []
        except pydantic.ValidationError as error:
            return None, [fault["loc"] for fault in error.errors(include_url=False)]

    def alone(self, body: bytes) -> Any:
        return FULL.pydantic.model_validate_json(body)


class Msgspec(Library):
    title = f"msgspec {version('msgspec')}"
    openapi = "JSON Schema, fit for 3.1"

    decoder = msgspec.json.Decoder(FULL.msgspec)

    def parse(self, body: bytes) -> Any:
        return msgspec.json.decode(body)

    def check(self, data: Any) -> tuple[Any, list[Steps]]:
        try:
            return msgspec.convert(data, FULL.msgspec), []
        except msgspec.ValidationError as error:
            # The place is in the text only: "… required field `x` - at `$.slots[3]`".
            text, _, place = str(error).partition(" - at `$")
            missing = re.findall(r"required field `(\w+)`", text)
            names = [*re.findall(r"\w+", place), *missing]
            return None, [tuple(int(name) if name.isdigit() else name for name in names)]

    def alone(self, body: bytes) -> Any:
        return self.decoder.decode(body)


class Ours(Library):
    title = "ours"
    openapi = "none"

    def parse(self, body: bytes) -> Any:
        return strict_json.loads(body)

    def alone(self, body: bytes) -> Any:
        return self.read(body)[0]

    def read(self, body: bytes) -> tuple[Any, set[str]]:
        report = snapshot.read_full(self._reader(body))
        return report, {warning.path for warning in report.warnings}

    def faults(self, body: bytes) -> set[str]:
        reader = self._reader(body)
        with suppress(InvalidPayload):
            snapshot.read_full(reader)
        return {*reader.errors, *(warning.path for warning in reader.warnings)}

    def lenient_code(self) -> list[Callable[..., Any]]:
        reader = wire.Reader
        return [reader.text, reader.whole, reader.json, reader.stamp, reader.section, reader._drop]

    def _reader(self, body: bytes) -> wire.Reader:
        receipt = Receipt(body, NOW, datetime.fromtimestamp(NOW, UTC))
        return wire.Reader(strict_json.load_object(body), receipt)
