"""A short nemesis on a PostgreSQL of its own, and its checker; ``make nemesis`` is the long one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.judges import leave_out
from tests.nemesis.chaos import KILL, RESTART, plan
from tests.nemesis.checker import Fate, Tables, judge
from tests.nemesis.gateway import Delivery

ROOT = Path(__file__).resolve().parent.parent

pytestmark = [pytest.mark.once, pytest.mark.newest]

PASSED, MISSING = 0, 3
SECONDS = 240


ENDED = "2026-11-24T10:00:00.123456+00:00"
LATER = "2026-11-24T10:00:06.123456+00:00"
RENTAL, ANOTHER = 71, 72


@pytest.mark.parametrize(
    ("status", "billed", "ended_at", "receipt", "fate"),
    [
        (200, [RENTAL], ENDED, "applied", Fate.RIGHT),
        (503, [RENTAL], ENDED, "applied", Fate.RIGHT),
        (200, [RENTAL, None], ENDED, "applied", Fate.DOUBLE),
        (200, [RENTAL, RENTAL], ENDED, None, Fate.DOUBLE),
        (200, [ANOTHER], None, "applied", Fate.DOUBLE),
        (200, [], None, None, Fate.LOSS),
        (200, [None], None, "applied", Fate.LOSS),
        (503, [], None, "failed", Fate.LOSS),
        (503, [], None, None, Fate.FORGOTTEN),
        (200, [RENTAL], LATER, "applied", Fate.WRONG_END),
        (200, [], ENDED, "applied", Fate.WRONG_END),
    ],
)
def test_the_checker_sees_what_became_of_a_return(
    status: int, billed: list[int | None], ended_at: str | None, receipt: str | None, fate: Fate
) -> None:
    dumped = {
        "outings": {"1": RENTAL},
        "ends": {str(RENTAL): ended_at} if ended_at else {},
        "billing": [[1, rental] for rental in billed],
        "receipts": {"1": receipt} if receipt else {},
    }
    delivery = Delivery(1, "12345678", ENDED, tries=[[-1, 503], [status]])
    assert judge(delivery, Tables.read(dumped)) == fate


def test_everything_goes_wrong_while_there_is_traffic() -> None:
    strikes = plan(1200, kills=40, restarts=6, seed=1)
    assert strikes == plan(1200, kills=40, restarts=6, seed=1) != plan(1200, 40, 6, seed=2)
    assert [strike.what for strike in strikes].count(KILL) == 40
    assert [strike.what for strike in strikes].count(RESTART) == 6
    assert all(0 < strike.at < 1200 for strike in strikes)


def test_ours_survives_kills_and_a_restart() -> None:
    row = run("--scenario=nemesis", "--returns=60", "--kills=3", "--restarts=1")
    assert row["returns"] == "60"
    assert row["kills"] == "3"
    assert row["restarts"] == "1"
    assert (row["doubles"], row["losses"], row["wrong end"]) == ("0", "0", "0")


def test_every_return_outlives_an_outage_of_five_seconds() -> None:
    row = run("--scenario=outage", "--outage=5", "--outage-returns=24")
    assert row["no 200"] == "0"
    assert row["closed once, right end"] == row["returns"] == "24"


def run(*arguments: str) -> dict[str, str]:
    """Run the harness on ours; return the one row of its table by column."""
    command = [sys.executable, "-m", "tests.nemesis", "--designs=ours", "--database=postgresql"]
    path = os.pathsep.join(str(Path(path).resolve()) for path in sys.path)
    process = subprocess.Popen(
        [*command, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        printed, told = process.communicate(timeout=SECONDS)
    finally:
        if process.poll() is None:
            process.terminate()  # it ends its servers
            process.communicate()
    if process.returncode == MISSING:
        leave_out(told)
    assert process.returncode == PASSED, told
    columns, _, row = [cells(line) for line in printed.splitlines() if line.startswith("|")]
    return dict(zip(columns, row, strict=True))


def cells(line: str) -> list[str]:
    """Return the cells of one line of a Markdown table."""
    return [cell.strip() for cell in line.strip("|").split("|")]
