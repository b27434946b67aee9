"""What ``docs/how-to/observability.md`` shows: tables out of the code, and what one small story leaves.

``python -m tests.observability`` prints the parts, and with ``--write`` puts them into the page.
``tests/test_observability.py`` compares the page with the code. Durations, ids and ports differ from
run to run; ``masked`` makes them alike.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "observability.md"

NUMBERS = [
    (re.compile(r"\d+\.\d+ ms"), "# ms"),
    (re.compile(r"(event_id[=\": ]+)\d+"), r"\1#"),
    (re.compile(r'("duration": )[0-9.e-]+'), r"\1#"),
    (re.compile(r'("(?:at|age|oldest_age|seconds)": )[0-9.e+-]+'), r"\1#"),
    (re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+\+00:00"), "#"),
    (re.compile(r'(request(?:_id[=": ]+| ))[0-9a-f]{32}'), r"\1#"),
    (re.compile(r"(db.system.name=)\w+"), r"\1#"),
    (re.compile(r"(_(?:sum|bucket|timestamp_seconds|age_seconds)(?:\{.*\})?) [0-9.e+-]+"), r"\1 #"),
]
"""What differs from one run to the next."""


def masked(text: str) -> str:
    """Return a text with the numbers left out that are other ones each time."""
    for pattern, mask in NUMBERS:
        text = pattern.sub(mask, text)
    return text


def parts() -> dict[str, str]:
    """Return every part of the page that is made, by its name; needs an empty database."""
    return {"fields": fields_table(), "metrics": metrics_table(), **story()}


def fields_table() -> str:
    """Return the table of the fields of log lines."""
    from django_iot_ingest.journal import FIELDS

    rows = [f"| `{name}` | {text} |" for name, text in FIELDS.items()]
    return "\n".join(["| field | |", "|---|---|", *rows])


def metrics_table() -> str:
    """Return the table of metrics, as their registry describes them."""
    from prometheus_client import CollectorRegistry

    from django_iot_ingest.metrics.collector import GAUGES, DatabaseCollector
    from django_iot_ingest.metrics.recorder import Recorder
    from django_iot_ingest.overview import Overview

    registry = CollectorRegistry()
    counted = {one._name: one for one in vars(Recorder(registry)).values() if hasattr(one, "_name")}
    registry.register(DatabaseCollector(lambda: Overview(0.0)))
    rows = []
    for family in registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if family.name in counted:
            labels = counted[family.name]._labelnames
        else:
            labels = tuple(GAUGES.get(family.name, ("",))[:1])
        told = ", ".join(f"`{label}`" for label in labels if label)
        rows.append(f"| `{name}` | {family.type} | {told} | {family.documentation} |")
    return "\n".join(["| metric | type | labels | |", "|---|---|---|---|", *rows])


def story() -> dict[str, str]:
    """Let a gateway send a snapshot, a return, the same return again, and a bad signature."""
    from prometheus_client import CollectorRegistry, generate_latest

    from django_iot_ingest import health
    from django_iot_ingest.json_lines import JsonFormatter
    from django_iot_ingest.metrics.collector import DatabaseCollector
    from django_iot_ingest.metrics.recorder import Recorder
    from django_iot_ingest.tracing import Tracing
    from tests.gateway import Gateway
    from tests.lines import lines
    from tests.listening import Spans, connected
    from tests.payloads import encode, full, returned, status

    gateway, registry, spans = Gateway.with_admin(), CollectorRegistry(), Spans()
    gateway.send(status())  # what only a first request does is over
    lines.begin()
    body = encode(returned(slot=2))
    with connected(Recorder(registry), Tracing(spans.provider)):
        gateway.send(full())
        spans.exporter.clear()
        gateway.send(body)
        trace = "\n".join(tree(spans))
        gateway.send(body)
        gateway.post(status(), secret="of-somebody-else-0123456789abcdef")
    registry.register(DatabaseCollector())
    told = [JsonFormatter().format(one) for one in lines.records if one.levelname != "DEBUG"]
    return {
        "log": fenced("json", "\n".join(told)),
        "scrape": fenced("text", without_buckets(generate_latest(registry).decode())),
        "trace": fenced("text", trace),
        "health": fenced("json", json.dumps(health.report(), indent=2)),
    }


def tree(spans: Any, parent: Any = None, depth: int = 0) -> Iterator[str]:
    """Yield a line for each span, below the one that it is a part of."""
    for span in spans.below(parent):
        about = {
            key.removeprefix("iot_ingest."): value for key, value in (span.attributes or {}).items()
        }
        took = (span.end_time - span.start_time) / 1e6
        words = " ".join(f"{key}={value}" for key, value in about.items())
        yield f"{'  ' * depth}{span.name}  {took:.2f} ms  {words}".rstrip()
        yield from tree(spans, span, depth + 1)


def without_buckets(text: str) -> str:
    """Return a scrape without its many lines of buckets, and those of when counting began."""
    kept = [
        line
        for line in text.splitlines()
        if "_bucket{" not in line and "_created" not in line and not line.startswith("# HELP")
    ]
    return "\n".join(kept)


def fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def on_page(text: str, name: str) -> str:
    """Return what stands between the marks of a part."""
    begin, end = marks(name)
    return text.partition(begin)[2].partition(end)[0].strip("\n")


def written(text: str, name: str, part: str) -> str:
    """Return the page with a part between its marks."""
    begin, end = marks(name)
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise LookupError(f"{PAGE.name} has no marks of {name!r}")
    return f"{before}{begin}\n{part}\n{end}{after}"


def marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"


def main(arguments: list[str]) -> int:
    """Print the parts, or write them; return the exit code."""
    import logging

    import django
    from django.db import connection

    django.setup()
    from tests.lines import lines

    logging.getLogger("django_iot_ingest").setLevel(logging.INFO)
    logging.getLogger("django_iot_ingest").addHandler(lines)
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        made = parts()
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
    text = PAGE.read_text()
    for part, content in made.items():
        print(f"\n{part}\n\n{content}")
        if "--write" in arguments:
            text = written(text, part, content)
    if "--write" in arguments:
        PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    sys.exit(main(sys.argv[1:]))
