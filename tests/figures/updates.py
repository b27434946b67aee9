"""How many updates stay on their page (HOT): they touch no index and are cleaned up by themselves."""

from __future__ import annotations

from tests.figures.fleet import ask, count_of, markdown, run, send, wal
from tests.gateway import Gateway

STATIONS = 200
TURNS = 10

TABLES = ("fleet_station", "fleet_stationslot", "fleet_powerbank")
FILLED = (100, 90, 80, 70)


def table() -> str:
    gateway = Gateway.with_admin()
    send(gateway, range(STATIONS), 0)
    rows = [[f"fillfactor {filled}", *measure(gateway, filled)] for filled in FILLED]
    run("CREATE INDEX heard ON fleet_station (last_heard_at)")
    rows.append(["80, an index on `last_heard_at`", *measure(gateway, 80)])
    head = [
        "",
        *(f"{name.removeprefix('fleet_')}: HOT, growth" for name in TABLES),
        "log a snapshot",
    ]
    return markdown(head, rows)


def measure(gateway: Gateway, filled: int) -> list[str]:
    """Return the share of HOT updates and the growth of each table, and log for each snapshot."""
    for name in TABLES:
        run(f"ALTER TABLE {name} SET (fillfactor = {filled}, autovacuum_enabled = off)")
        run(f"VACUUM FULL {name}", f"VACUUM ANALYZE {name}")
    sizes = {name: size(name) for name in TABLES}
    counts = {name: updates(name) for name in TABLES}
    before = wal()
    for turn in range(1, TURNS + 1):
        send(gateway, range(STATIONS), filled + turn)
    log = (wal() - before) / (STATIONS * TURNS)
    cells = []
    for name in TABLES:
        all_, hot = (now - was for now, was in zip(updates(name), counts[name], strict=True))
        cells.append(f"{hot / all_:.0%}, ×{size(name) / sizes[name]:.1f}")
    return [*cells, f"{log:,.0f}"]


def updates(name: str) -> tuple[int, int]:
    return count_of(name, "n_tup_upd"), count_of(name, "n_tup_hot_upd")


def size(name: str) -> int:
    """Return the bytes of a table with its indexes."""
    return int(ask("SELECT pg_total_relation_size(%s::regclass)", name))
