"""Compare ways to read one ``full`` payload: DRF serializers, pydantic, msgspec and our own reader.

``python benchmarks/validation.py`` prints a table, ``--write docs/explanation/validation.md`` puts it there.
"""

from __future__ import annotations

import argparse
import inspect
import json
import platform
import random
import statistics
import time
import timeit
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import django
import msgspec
import pydantic
from django.conf import settings

APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django_iot_ingest"]
settings.configure(USE_TZ=True, INSTALLED_APPS=APPS)
django.setup()

# DRF reads the settings when it is imported.
from readers import NOW, Drf, Library, Msgspec, Ours, Pydantic, at
from rest_framework.exceptions import APIException

LIBRARIES: list[Library] = [Drf(), Pydantic(), Msgspec(), Ours()]
REFUSALS = (APIException, pydantic.ValidationError, msgspec.MsgspecError)
SLOTS, ROUNDS, SAMPLE_SECONDS = 48, 31, 0.02
BEGIN, END = "<!-- validation:begin -->", "<!-- validation:end -->"
OK = "ok"

TEXTS = {
    "a name twice": ("refused", b'"total_slots": 48', b'"total_slots": 0, "total_slots": 48'),
    "NaN": ("refused", b'"x": null', b'"x": NaN'),
    "1e400": ("refused", b'"x": null', b'"x": 1e400'),
    "an integer above 2⁵³": ("refused", b'"x": null', b'"x": 9007199254740993'),
    "broken UTF-8": ("refused", b'"x": null', b'"x": "\xff"'),
    "depth 17": ("refused", b'"x": null', b'"x": ' + b"[" * 14 + b"]" * 14),
    "depth 100,000": ("refused", b'"x": null', b'"x": ' + b"[" * 99_997 + b"]" * 99_997),
    "escaped NUL in a text": ("passes", b'"x": null', b'"x": "\\u0000"'),
    "escaped lone surrogate in a text": ("passes", b'"x": null', b'"x": "\\ud800"'),
}
"""What a body holds: what the contract says to it (check 9), and how to write it."""

VALUES: dict[str, tuple[str, str, Any]] = {
    'battery "85"': ("null, warned", "slots__3__battery_level", "85"),
    "battery true": ("null, warned", "slots__3__battery_level", True),
    "battery 85.0": ("null, warned", "slots__3__battery_level", 85.0),
    "battery 254": ("null, warned", "slots__3__battery_level", 254),
    "serial number 86, a number": ("refused", "device__serial_number", 86),
    "NUL and lone surrogate in the SSID": ('"ab", warned', "device__wifi_ssid", "a\0\ud800b"),
    "signal strength 28, a number": ('"28"', "device__signal_strength", 28),
    'slot status "occupied"': ('"OCCUPIED"', "slots__3__status", "occupied"),
    'slot status "JAMMED"': ('"ERROR", warned', "slots__3__status", "JAMMED"),
    "heartbeat 1795452778, a number": ("null, warned", "device__last_heartbeat", NOW),
    'slot number "3"': ("47 rows, warned", "slots__3__slot_number", "3"),
}
"""A value: what the contract makes of it (section 3), where it stands, and what it is."""


def payload(**changes: Any) -> bytes:
    """Return a snapshot of a full cabinet; ``slots__3__status="X"`` changes one value of it."""
    stamp, serial = "2026-11-23T16:52:58.723279879Z", "860000000000017"
    metadata = {"micro_switch": "0", "solenoid_valve": "0", "lock_count": 0, "last_updated": stamp}
    info = {"temperature": 25, "voltage": 50, "current": 2, "soft_version": 25, "area_code": 73}
    common = {"battery_level": 85, "status": "OCCUPIED"}
    slots = [
        common | {"slot_number": n, "power_bank_serial": f"{10**7 + n}", "slot_metadata": metadata}
        for n in range(SLOTS)
    ]
    banks = [
        {"serial_number": f"{10**7 + n}", "current_slot": n, "hardware_info": info}
        | {"battery_level": 85, "status": "AVAILABLE"}
        for n in range(SLOTS)
    ]
    device = {"serial_number": serial, "imei": serial, "signal_strength": "28", "status": "ONLINE"}
    device |= {"wifi_ssid": "चार्ज घर", "last_heartbeat": stamp, "hardware_info": {"x": None}}  # type: ignore[dict-item]
    body = {"type": "full", "timestamp": NOW, "device": device, "station": {"total_slots": SLOTS}}
    body |= {"slots": slots, "power_banks": banks}
    for path, value in changes.items():
        *parents, last = (int(step) if step.isdigit() else step for step in path.split("__"))
        at(body, parents)[last] = value
    return json.dumps(body).encode()


def time_rows() -> Iterator[list[str]]:
    clean, one = payload(), payload(slots__3__battery_level=254)
    many = payload(**{f"slots__{n}__battery_level": 254 for n in range(SLOTS)})
    ways: dict[str, Callable[[Library], Callable[[], Any]]] = {
        "its JSON reader, no schema": lambda library: lambda: library.parse(clean),
        "library alone": lambda library: lambda: library.alone(clean),
        "contract's JSON, cleaned, lenient: nothing wrong": lambda library: (
            lambda: library.read(clean)
        ),
        "… one battery wrong": lambda library: lambda: library.read(one),
        "… 48 batteries wrong": lambda library: lambda: library.read(many),
    }
    for label, way in ways.items():
        yield [f"Time: {label}", "", *ratios([way(library) for library in LIBRARIES])]


def ratios(calls: list[Callable[[], Any]]) -> list[str]:
    """Return times over those of the last call: median (10th to 90th percentile) of the rounds.

    The last call runs twice in each round; its own cell is the noise between the two.
    """
    calls = [*calls, calls[-1]]
    timers = [timeit.Timer(call, timer=time.process_time) for call in calls]
    counts = [max(1, int(SAMPLE_SECONDS / min(timer.repeat(3, 1)))) for timer in timers]
    rounds: list[list[float]] = []
    for _ in range(ROUNDS):
        taken = dict.fromkeys(range(len(calls)), 0.0)
        for index in random.sample(range(len(calls)), len(calls)):
            taken[index] = timers[index].timeit(counts[index]) / counts[index]
        rounds.append([taken[index] / taken[len(calls) - 1] for index in range(len(calls) - 1)])
    return [spread(column) for column in zip(*rounds, strict=True)]


def spread(values: tuple[float, ...]) -> str:
    tenths = statistics.quantiles(values, n=10)
    return f"{statistics.median(values):.2f} ({tenths[0]:.2f}–{tenths[-1]:.2f})"


def outcome(call: Callable[[], str]) -> str:
    """Return what a call says; "refused", or the error that the library lets out."""
    try:
        return call()
    except REFUSALS:
        return "refused"
    except (ValueError, RecursionError) as error:
        return f"raises {type(error).__name__}"


def passes(library: Library, body: bytes) -> str:
    library.alone(body)
    return "passes"


def meaning(library: Library, place: str, value: Any) -> str:
    """Return what a lenient reader makes of one value."""
    steps = [int(step) if step.isdigit() else step for step in place.split("__")]
    result, warned = library.read(payload(**{place: value}))
    if place.endswith("slot_number"):
        text = f"{sum(row is not None for row in at(result, steps[:1]))} rows"
    else:
        text = json.dumps(at(result, steps), default=str)
    return text + ", warned" * (place.replace("__", ".") in warned)


def row(label: str, wanted: str, say: Callable[[Library], str]) -> list[str]:
    """Return a line of the table; where the contract wants something, what agrees is "ok"."""
    cells = [outcome(partial(say, library)) for library in LIBRARIES]
    return [label, wanted, *(OK if wanted and cell == wanted else cell for cell in cells)]


def text_rows() -> Iterator[list[str]]:
    bodies = {
        label: (wanted, payload().replace(old, new)) for label, (wanted, old, new) in TEXTS.items()
    }
    text = payload().decode()
    bodies["UTF-16"] = ("refused", text.encode("utf-16"))
    bodies["byte order mark"] = ("refused", text.encode("utf-8-sig"))
    for label, (wanted, body) in bodies.items():
        yield row(f"Body, library alone: {label}", wanted, partial(passes, body=body))


def value_rows() -> Iterator[list[str]]:
    for label, (wanted, place, value) in VALUES.items():
        say = partial(meaning, place=place, value=value)
        yield row(f"Value, made lenient: {label}", wanted, say)


def other_rows() -> Iterator[list[str]]:
    wrong = {"device__serial_number": "a b", "slots__3__status": 1, "slots__40__battery_level": "x"}
    body, last = payload(**wrong), "slots.40.battery_level"

    def found(library: Library) -> str:
        faults = library.faults(body)
        return f"{len(faults)}{', with row' if last in faults else ''}"

    yield row("Faults found in one pass, of 3", "", found)
    yield row("Lines that make it lenient", "", lambda lib: str(lines(lib.lenient_code())))
    yield row("OpenAPI", "", lambda lib: lib.openapi)


def lines(code: list[Callable[..., Any]]) -> int:
    return sum(bool(line.strip()) for item in code for line in inspect.getsource(item).split("\n"))


def table() -> str:
    """Return the whole comparison in Markdown."""
    head = ["", "contract", *(library.title for library in LIBRARIES)]
    body = [*time_rows(), *text_rows(), *value_rows(), *other_rows()]
    about = (
        f"Python {platform.python_version()}, {SLOTS} slots, {len(payload()):,} bytes, "
        f"{ROUNDS} interleaved rounds. Times are of the processor, as multiples of ours in the "
        "same round: median (10th to 90th percentile); the last column is ours against ours, the "
        "noise.\n"
    )
    cells = [head, ["---"] * len(head), *body]
    return "\n".join([about, *(f"| {' | '.join(line)} |" for line in cells)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="Markdown page whose table is replaced")
    page: Path | None = parser.parse_args().write
    text = table()
    if page is None:
        print(text)
        return
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
