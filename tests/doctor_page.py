"""The generated parts of docs/reference/doctor.md: what ``iot_doctor`` prints for every planted mistake.

``python -m tests.doctor_page --write`` writes them; a test compares them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "doctor.md"
BEGIN = "<!-- mistakes: written by python -m tests.doctor_page --write -->\n"
END = "<!-- end of mistakes -->\n"


def lines() -> Iterator[str]:
    """Yield the Markdown: a section for each kind of mistake, with the output of each."""
    from tests.mistakes import SECTIONS

    for title, planted in SECTIONS.items():
        yield f"\n### {title}\n"
        for one in planted:
            yield f"\n**{one.title}**\n\n```text\n{output(one)}\n```\n"


def output(planted: object) -> str:
    """Return what the command prints of one request, but for its first two lines."""
    from django_iot_ingest.doctor import payload, show
    from django_iot_ingest.doctor.diagnosis import diagnose
    from django_iot_ingest.doctor.headers import Rules
    from tests.mistakes import PATH, Planted

    assert isinstance(planted, Planted)
    found = diagnose(planted.request, planted.secrets, planted.now, Rules(path=PATH), payload.judge)
    text = show.text(show.Report({}, [], list(found.findings)))
    return "\n".join(line for line, _ in text).strip()


def page(old: str) -> str:
    """Return the page with its generated part anew."""
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{''.join(lines())}\n{END}{after}"


def main() -> None:
    """Write the page."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    if sys.argv[1:] != ["--write"]:
        raise SystemExit("usage: python -m tests.doctor_page --write")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
