"""What the senders live through before the example host, one after the other and each by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.payloads import SECRET, encode, full, returned, status
from tests.senders import proxy
from tests.senders.host import EMAIL, PASSWORD, PATH, Host
from tests.senders.languages import LANGUAGES, Built

QUICK = "0 0 0 1 15"
"""No pause, and Retry-After heard for one second at most."""

PATIENCE = 2
"""Seconds that a sender waits for an answer, where it is to wait in vain."""

ACCOUNT = {"IOT_EMAIL": EMAIL, "IOT_PASSWORD": PASSWORD}
EXPIRED = {"IOT_TOKEN": "expired"}

DEAD_PORT = 1
"""Where nobody listens, and only root could."""

RAW = b'{"type":"status",\x00"\xff\xfe":1}\r\n\n'
"""No JSON, and nothing that survives being taken for text."""

LOGGED_IN = json.dumps({"success": True, "data": {"access_token": "new"}}).encode()


@dataclass(frozen=True)
class Names:
    """Serial numbers that no other run uses."""

    run: str

    @property
    def station(self) -> str:
        return f"S{self.run}"

    @property
    def bank(self) -> str:
        return f"B{self.run}"


@dataclass(frozen=True)
class Scenario:
    """A body, what is printed, what the proxy does to each request, and what the sender knows.

    ``variables`` come besides the secret and a good token, or instead. With ``is_dead`` nobody
    listens.
    """

    body: Callable[[Names], bytes]
    lines: list[str]
    steps: Callable[[Names], tuple[proxy.Step, ...]] = lambda names: (proxy.let_by,)
    variables: Mapping[str, str] | None = None
    seconds: str = QUICK
    is_dead: bool = False


@dataclass(frozen=True)
class Lived:
    """What a sender printed and how it ended, and what was heard of it."""

    lines: list[str]
    code: int
    error: str
    heard: list[proxy.Heard]
    body: bytes


def snapshot(names: Names) -> bytes:
    return encode(full([], [], serial=names.station))


def online(names: Names) -> bytes:
    return encode(status(serial=names.station))


def back(names: Names) -> bytes:
    return encode(returned(names.bank, serial=names.station))


def moved(names: Names) -> tuple[proxy.Step, ...]:
    return (proxy.say(301, Location="/elsewhere"),)


SCENARIOS = {
    "full": Scenario(snapshot, lines=["200 applied"]),
    "raw": Scenario(lambda names: RAW, lines=["400 INVALID_JSON"]),
    "expired": Scenario(
        snapshot,
        lines=["401 NOT_AUTHENTICATED", "200 log-in", "200 applied"],
        variables={**EXPIRED, **ACCOUNT},
    ),
    "no_token": Scenario(
        online, lines=["200 log-in", "200 applied"], variables={"IOT_TOKEN": "", **ACCOUNT}
    ),
    "wrong_password": Scenario(
        online,
        lines=["401 NOT_AUTHENTICATED", "401 log-in"],
        variables={**EXPIRED, **ACCOUNT, "IOT_PASSWORD": "no"},
    ),
    "always_401": Scenario(
        online,
        lines=["401", "200 log-in", "503", "401"],
        steps=lambda names: (
            proxy.say(401),
            proxy.say(200, LOGGED_IN),
            proxy.say(503),
            proxy.say(401),
        ),
        variables={**EXPIRED, **ACCOUNT},
    ),
    "empty_log_in": Scenario(
        online,
        lines=["200 log-in"],
        steps=lambda names: (proxy.say(200, b"{}"),),
        variables={"IOT_TOKEN": "", **ACCOUNT},
    ),
    "trouble": Scenario(
        snapshot,
        lines=["503 TEMPORARILY_UNAVAILABLE", "200 applied"],
        steps=lambda names: (proxy.trouble(names.station), proxy.let_by),
    ),
    "lost": Scenario(
        back,
        lines=["0", "200 duplicate"],
        steps=lambda names: (proxy.lose, proxy.let_by),
        seconds="0 1 0 1 15",
    ),
    "slow": Scenario(
        online,
        lines=["0", "200 applied"],
        steps=lambda names: (proxy.hang, proxy.let_by),
        seconds=f"0 0 0 1 {PATIENCE}",
    ),
    "overworked": Scenario(
        online,
        lines=["502", "429", "408"],
        steps=lambda names: (
            proxy.say(502, b"<html>", Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"),
            proxy.say(429, Retry_After="3600"),
            proxy.say(408),
        ),
    ),
    "forbidden": Scenario(
        online,
        lines=["403 INVALID_SIGNATURE"],
        variables={"IOT_SYSTEM_SIGNATURE_SECRET": SECRET[::-1]},
    ),
    "moved": Scenario(online, lines=["301"], steps=moved),
    "dead": Scenario(online, lines=["0", "0", "0"], is_dead=True),
}


def live(built: Built, host: Host, scenario: Scenario, run: str) -> Lived:
    """Let a sender live through a scenario, in a process of its own."""
    names = Names(run)
    body = scenario.body(names)
    file = built.folder / f"{run.strip('-')}.json"
    file.write_bytes(body)
    known: dict[str, Any] = {"IOT_SYSTEM_SIGNATURE_SECRET": SECRET, "IOT_TOKEN": host.token}
    variables = {**known, "IOT_SECONDS": scenario.seconds, **(scenario.variables or {})}
    with proxy.standing_before(host, *scenario.steps(names)) as (origin, heard):
        url = f"http://127.0.0.1:{DEAD_PORT}" if scenario.is_dead else origin
        done = built.send(url + PATH, file, variables)
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    return Lived(lines, done.returncode, done.stderr, heard, body)


def run_name(language: str, scenario: str) -> str:
    """Return a name that is fit for a serial number."""
    return f"-{language}-{scenario}".replace(" ", "-")


def rented() -> list[str]:
    """Return the banks of all scenarios that are about a return."""
    returns = [name for name, scenario in SCENARIOS.items() if scenario.body is back]
    return [Names(run_name(language, name)).bank for language in LANGUAGES for name in returns]
