"""Show what was found: as text, in colours on a terminal with ``rich``, or as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from django_iot_ingest.doctor.findings import Finding, Severity

WIDTH = 100

COLOURS = {Severity.FAULT: "bold red", Severity.WARNING: "yellow", Severity.OK: "green"}
NAMES = {Severity.FAULT: "FAULT", Severity.WARNING: "warning", Severity.OK: "ok"}


@dataclass(frozen=True, slots=True)
class Report:
    """What is said of one request, or of a deployment; ``about`` is for machines."""

    about: dict[str, Any]
    lines: list[str]
    findings: list[Finding] = field(default_factory=list)
    verdict: str = ""

    @property
    def is_good(self) -> bool:
        """Return whether no fault was found."""
        return all(finding.severity != Severity.FAULT for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return the report for machines."""
        return {
            **self.about,
            "is_good": self.is_good,
            "verdict": self.verdict,
            "findings": [finding.as_json() for finding in self.findings],
        }


Line = tuple[str, str]
"""A line, and its style."""


def text(report: Report) -> Iterator[Line]:
    """Yield the lines of a report."""
    for line in report.lines:
        for part in textwrap.wrap(line, WIDTH, **_WHOLE):
            yield part, ""
    for finding in report.findings:
        if finding.severity != Severity.OK:
            yield "", ""
        yield from _finding(finding)
    if report.verdict:
        yield "", ""
        for part in textwrap.wrap(report.verdict, WIDTH, **_WHOLE):
            yield part, "bold"


_WHOLE: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
"""A word that is cut cannot be copied."""


def _finding(finding: Finding) -> Iterator[Line]:
    name = NAMES[finding.severity]
    if finding.severity == Severity.OK:
        yield from _indented(f"{name:8}{finding.code}: {finding.what}", "        ", "green")
        return
    yield f"{name:8}{finding.code}", COLOURS[finding.severity]
    yield from _indented(finding.what)
    if finding.evidence:
        yield from _indented(f"Seen: {finding.evidence}")
    if finding.way_out:
        yield from _indented(f"Way out: {finding.way_out}")


def _indented(line: str, later: str = "        ", style: str = "") -> Iterator[Line]:
    first = "" if style else later
    wrapped = textwrap.wrap(line, WIDTH, initial_indent=first, subsequent_indent=later, **_WHOLE)
    for part in wrapped:
        yield part, style


def write(reports: Sequence[Report], out: Any, *, as_json: bool) -> None:
    """Write reports to a command's output; as JSON the second is the ``nearest`` of the first."""
    if as_json:
        first, *rest = [report.as_json() for report in reports]
        out.write(json.dumps({**first, "nearest": rest[0]} if rest else first, indent=2))
        return
    console = _console(out)
    for number, report in enumerate(reports):
        lines = text(report)
        for line, style in chain([("", "")], lines) if number else lines:
            _write_line(out, console, line, style)


def _write_line(out: Any, console: Any, line: str, style: str) -> None:
    if console is None:
        out.write(line)
    else:
        console.print(line, style=style or None, markup=False, highlight=False, soft_wrap=True)


def _console(out: Any) -> Any:
    """Return a console of ``rich`` for a terminal, or None."""
    if not out.isatty():
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(file=getattr(out, "_out", out))
