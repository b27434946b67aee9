"""Run the suite on every database and host there is, and say at the end what was left out.

``matrix.py all`` is ``make test``: all of tox, then the account. ``matrix.py cell [pytest
arguments]`` is what one tox cell does: pytest on each database that answers and each host.
With ``CI=true`` anything left out is a failure.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / ".tox" / "matrix"
SUMMARY = RECORDS / "summary"
FALLBACK_CELL = "py-django61"
HOSTS = ("fleet", "depot")
HOST_FOR_PEOPLE = {"sqlite": "fleet", "postgresql": "depot", "mariadb": "fleet"}
"""On which host a database has the tests of what people look at; in one of both is enough."""

WHOLE_CELLS = ("local", "py311-django52", "py313-django61", FALLBACK_CELL)
PYTEST_NO_TESTS = 5
PROBE_SECONDS = 5

SQLITE = "sqlite:///:memory:"
USUAL_URLS = {
    "postgresql": (
        "postgres://postgres@127.0.0.1:5432/iot_ingest",
        "postgres://root@127.0.0.1:5432/iot_ingest",
    ),
    "mariadb": ("mysql://root@127.0.0.1:3306/iot_ingest",),
}
FLAVOURS = {
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "psql": "postgresql",
    "mysql": "mariadb",
    "sqlite": "sqlite",
}
PROGRAMS = {"browser": "chromium"}
"""Environments that need a program which no package index has."""

REDIS_URL = "redis://127.0.0.1:6379/0"


@dataclass(frozen=True)
class Run:
    """One pytest process: a database, where it is, and the host app."""

    flavour: str
    url: str
    host: str

    @property
    def title(self) -> str:
        return f"{cell_name()} / {self.flavour} / {self.host}"


@dataclass(frozen=True)
class Outcome:
    """What one pytest process came to; ``output`` is empty if it went to the terminal."""

    run: Run
    code: int
    output: str


def main(arguments: Sequence[str]) -> int:
    """Dispatch ``all`` and ``cell``; return the exit code."""
    if arguments and arguments[0] == "cell":
        return run_cell(arguments[1:])
    if arguments and arguments[0] == "all":
        return run_all(arguments[1:])
    print(__doc__, file=sys.stderr)
    return 2


def run_all(tox_arguments: Sequence[str]) -> int:
    """Run tox with every cell whose interpreter is here, then print the account."""
    started = time.monotonic()
    clear_records()
    cells, others = configured_environments()
    found = found_interpreters(cells)
    present = [cell for cell in cells if interpreter_of(cell) in found]
    chosen = present or [FALLBACK_CELL]
    missing = [name for name, program in PROGRAMS.items() if not shutil.which(program)]
    others = [name for name in others if name not in missing]
    tox = [sys.executable, "-m", "tox", "run", "-e", ",".join([*others, *chosen]), *tox_arguments]
    code = subprocess.run(tox, cwd=ROOT, check=False, env=certificates() | os.environ).returncode
    left_out = [f"{name}: no {PROGRAMS[name]} on PATH" for name in missing]
    return account(cells, chosen, left_out, code, time.monotonic() - started)


def run_cell(pytest_arguments: Sequence[str]) -> int:
    """Run pytest for each database and host, as many at once as there are processors."""
    databases, left_out = reachable_databases()
    runs = chosen_runs(databases)
    environment = {"TEST_REDIS_URL": REDIS_URL} if redis_answers() else {}
    if not environment:
        left_out.append(f"redis: no answer at {REDIS_URL}")
    print(f"{cell_name()}: {len(runs)} runs on {', '.join(databases)}", flush=True)
    outcomes = list(execute_all(runs, pytest_arguments, environment))
    failed = [outcome for outcome in outcomes if is_failure(outcome, pytest_arguments)]
    record(outcomes, failed, left_out)
    report_cell(failed, left_out)
    return 1 if failed or (left_out and in_ci()) else 0


# --- the whole


def configured_environments() -> tuple[list[str], list[str]]:
    """Return tox's ``env_list`` as (cells of the matrix, the other environments).

    Without ``-d`` tox lists the environments outside of it too, which are run only by name.
    """
    command = [sys.executable, "-m", "tox", "list", "-d", "--no-desc", "-q"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    names = listed.stdout.split()
    cells = [name for name in names if re.fullmatch(r"py3\d+-django\d+", name)]
    return cells, [name for name in names if name not in cells]


def interpreter_of(cell: str) -> str:
    """Return the command of a cell's Python: ``py312-django61`` runs on ``python3.12``."""
    digits = cell.partition("-")[0].removeprefix("py")
    return f"python{digits[0]}.{digits[1:]}"


def found_interpreters(cells: Iterable[str]) -> set[str]:
    """Return those interpreters that really start: a pyenv shim may be on PATH and still refuse."""
    own = f"python{sys.version_info.major}.{sys.version_info.minor}"
    wanted = {interpreter_of(cell) for cell in cells}
    return {name for name in wanted if name == own or starts(name)}


def starts(interpreter: str) -> bool:
    """Tell whether the command is in any folder of PATH and runs."""
    candidates = (Path(folder) / interpreter for folder in os.get_exec_path())
    return any(exits_well([str(path), "-c", ""]) for path in candidates if path.exists())


def exits_well(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def certificates() -> dict[str, str]:
    """Let uv believe the system's certificates as pip does; where there are none it refuses to."""
    paths = ssl.get_default_verify_paths()
    present = paths.cafile or (paths.capath and any(Path(paths.capath).iterdir()))
    return {"UV_SYSTEM_CERTS": "true"} if present else {}


def account(
    cells: Sequence[str], chosen: Sequence[str], left_out: list[str], code: int, seconds: float
) -> int:
    """Print what ran, what failed and what was left out; return the exit code of it all."""
    records = read_records()
    left_out += [
        f"{cell}: no {interpreter_of(cell)} on PATH" for cell in cells if cell not in chosen
    ]
    left_out += merged_left_out(records)
    failed = [title for saved in records.values() for title in saved["failed"]]
    failed += [f"{cell}: did not run" for cell in chosen if cell not in records]
    for title in failed:
        print(f"FAILED {title}")
    print_left_out(left_out)
    totals = Counter[str]()
    for saved in records.values():
        totals.update(saved["counts"])
    runs = sum(saved["runs"] for saved in records.values())
    line = f"{summary(totals)} in {runs} runs, {len(records)} cells, {seconds:.0f}s"
    print(line, flush=True)
    SUMMARY.write_text(line + "\n")
    return code or (1 if failed or (left_out and in_ci()) else 0)


def merged_left_out(records: dict[str, dict]) -> list[str]:
    """Return what cells left out, each thing once, with the cells if it was not all of them."""
    cells_by_text: dict[str, list[str]] = {}
    for cell, saved in records.items():
        for text in saved["left_out"]:
            cells_by_text.setdefault(text, []).append(cell)
    return [
        text if len(cells) == len(records) else f"{text} (in {', '.join(cells)})"
        for text, cells in cells_by_text.items()
    ]


def print_left_out(left_out: Sequence[str]) -> None:
    if not left_out:
        print("left out: nothing")
        return
    print("LEFT OUT" + (", which CI=true does not allow:" if in_ci() else ":"))
    for text in left_out:
        print(f"  {text}")


def summary(counts: Counter[str]) -> str:
    """Return counts in pytest's words and order."""
    words = ("failed", "passed", "skipped", "xfailed", "xpassed", "error", "errors")
    parts = [f"{counts[word]} {word}" for word in words if counts[word]]
    return ", ".join(parts) or "no tests ran"


# --- one cell


def chosen_runs(databases: dict[str, str]) -> list[Run]:
    """Return every database with every host in the oldest cell, the newest, and outside tox.

    Elsewhere each database and each host is run, but not every pair: that would take twice as long.
    For the same reason tests marked ``whole`` are run in these cells only.
    """
    pairs = [(flavour, host) for flavour in databases for host in HOSTS]
    if cell_name() not in WHOLE_CELLS and len(databases) > 1:
        pairs = [(flavour, HOSTS[n % len(HOSTS)]) for n, flavour in enumerate(databases)]
    return [Run(flavour, databases[flavour], host) for flavour, host in pairs]


def execute_all(
    runs: Sequence[Run], arguments: Sequence[str], environment: dict[str, str]
) -> Iterator[Outcome]:
    """Yield outcomes as they come; a single processor or run keeps the terminal (``--pdb``)."""
    workers = min(len(runs), os.cpu_count() or 1)
    if workers == 1 or {"--pdb", "-s"} & set(arguments):
        for run in runs:
            heading(run)
            yield Outcome(run, pytest(run, arguments, environment).returncode, "")
        return
    with ThreadPoolExecutor(workers) as pool:
        started = {pool.submit(captured, run, arguments, environment): run for run in runs}
        for future in as_completed(started):
            outcome = future.result()
            heading(outcome.run)
            print(outcome.output, flush=True)
            yield outcome


def captured(run: Run, arguments: Sequence[str], environment: dict[str, str]) -> Outcome:
    """Run pytest and keep what it prints, so that runs side by side stay readable."""
    done = pytest(run, arguments, environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return Outcome(run, done.returncode, done.stdout.decode(errors="replace"))


def pytest(
    run: Run, arguments: Sequence[str], environment: dict[str, str], **streams: int
) -> subprocess.CompletedProcess:
    once = str(int(run.flavour == "sqlite" and run.host == HOSTS[0]))
    whole = str(int(cell_name() in WHOLE_CELLS))
    people = str(int(run.host == HOST_FOR_PEOPLE[run.flavour]))
    choice = {"TEST_HOST": run.host, "TEST_ONCE": once, "TEST_WHOLE": whole, "TEST_PEOPLE": people}
    own = {"DATABASE_URL": run.url, **choice, **environment}
    # Runs go side by side: each has a cache folder of its own.
    cache = ROOT / ".tox" / "cache" / cell_name() / run.flavour / run.host
    command = [sys.executable, "-m", "pytest", "-o", f"cache_dir={cache}", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False, env=os.environ | own, **streams)


def is_failure(outcome: Outcome, arguments: Sequence[str]) -> bool:
    """Tell whether a run failed; a selection that picks nothing on one host is no failure."""
    return outcome.code != 0 and not (outcome.code == PYTEST_NO_TESTS and arguments)


def heading(run: Run) -> None:
    print(f"\n=== {run.title} ===", flush=True)


def report_cell(failed: Sequence[Outcome], left_out: Sequence[str]) -> None:
    for outcome in failed:
        print(f"FAILED {outcome.run.title}: exit code {outcome.code}")
    print_left_out(left_out)


# --- what there is


def reachable_databases() -> tuple[dict[str, str], list[str]]:
    """Return ({flavour: URL}, [what is left out and why]); SQLite is always there."""
    databases, left_out = {"sqlite": SQLITE}, []
    for flavour, urls in candidate_urls().items():
        problems: list[str] = []
        for url in urls:
            problem = connection_problem(flavour, url)
            if problem is None:
                databases[flavour] = url
                break
            problems.append(f"{without_password(url)}: {problem}")
        if flavour not in databases:
            left_out.append(f"{flavour}: {'; '.join(problems) or 'not in TEST_DATABASE_URLS'}")
    return databases, left_out


def candidate_urls() -> dict[str, tuple[str, ...]]:
    """Return the URLs to try: those of ``TEST_DATABASE_URLS`` alone, else the usual ones."""
    named = [url.strip() for url in os.environ.get("TEST_DATABASE_URLS", "").split(",")]
    named = [url for url in named if url]
    if not named:
        return USUAL_URLS
    chosen: dict[str, tuple[str, ...]] = {flavour: () for flavour in USUAL_URLS}
    for url in named:
        scheme = url.partition(":")[0]
        if scheme not in FLAVOURS:
            sys.exit(f"TEST_DATABASE_URLS: {scheme!r} is none of {', '.join(FLAVOURS)}")
        if FLAVOURS[scheme] != "sqlite":
            chosen[FLAVOURS[scheme]] += (url,)
    return chosen


def connection_problem(flavour: str, url: str) -> str | None:
    """Return why the server cannot be used, or None; its database need not exist yet."""
    parts = urlsplit(url)
    settings = {
        "host": parts.hostname or "127.0.0.1",
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "connect_timeout": PROBE_SECONDS,
    }
    try:
        CONNECT[flavour](settings, parts.port)
    except Exception as error:  # noqa: BLE001 - whatever a driver raises is the reason we print
        return " ".join(str(error).split())[:200]
    return None


def connect_postgresql(settings: dict, port: int | None) -> None:
    import psycopg

    psycopg.connect(**settings, port=port or 5432, dbname="postgres").close()


def connect_mariadb(settings: dict, port: int | None) -> None:
    import pymysql

    pymysql.connect(**settings, port=port or 3306).close()


CONNECT = {"postgresql": connect_postgresql, "mariadb": connect_mariadb}


def redis_answers() -> bool:
    """Tell whether a Redis says PONG at the usual address."""
    parts = urlsplit(REDIS_URL)
    try:
        with socket.create_connection((parts.hostname, parts.port), PROBE_SECONDS) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def without_password(url: str) -> str:
    return re.sub(r"(//[^:@/]*):[^@]*@", r"\1:***@", url)


def cell_name() -> str:
    return os.environ.get("TOX_ENV_NAME", "local")


def in_ci() -> bool:
    return os.environ.get("CI") == "true"


# --- records, by which the account knows what the cells did


def record(outcomes: Sequence[Outcome], failed: Sequence[Outcome], left_out: list[str]) -> None:
    counts = Counter[str]()
    for outcome in outcomes:
        counts.update(pytest_counts(outcome.output))
    saved = {
        "runs": len(outcomes),
        "counts": counts,
        "failed": [outcome.run.title for outcome in failed],
        "left_out": left_out,
    }
    RECORDS.mkdir(parents=True, exist_ok=True)  # a cell can be run by tox alone
    (RECORDS / f"{cell_name()}.json").write_text(json.dumps(saved))


def pytest_counts(output: str) -> Counter[str]:
    """Return the numbers of pytest's last line, such as ``== 3 passed, 1 skipped in 0.1s ==``."""
    lines = output.rstrip().splitlines()
    if not lines:
        return Counter()
    return Counter({word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", lines[-1])})


def read_records() -> dict[str, dict]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(RECORDS.glob("*.json"))}


def clear_records() -> None:
    shutil.rmtree(RECORDS, ignore_errors=True)
    RECORDS.mkdir(parents=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
