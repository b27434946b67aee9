"""One host for all senders, each of which is built and lives through every scenario once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests import judges
from tests.senders import host
from tests.senders.host import Host
from tests.senders.languages import LANGUAGES, Built
from tests.senders.scenarios import SCENARIOS, Lived, Names, live, rented, run_name

AT_ONCE = 4
"""Senders that run at once: most of the time they wait."""


@dataclass(frozen=True)
class Sender:
    """A sender with all that it has lived through."""

    name: str
    built: Built
    lived: Mapping[str, Lived]

    def names(self, scenario: str) -> Names:
        """Return the serial numbers of a scenario."""
        return Names(run_name(self.name, scenario))


@pytest.fixture(scope="session")
def example_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with host.running(tmp_path_factory.mktemp("host"), rented()) as running:
        yield running


@pytest.fixture(scope="session", params=list(LANGUAGES), ids=lambda name: name.replace(" ", "-"))
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    language = LANGUAGES[request.param]
    if missing := language.missing():
        judges.leave_out(f"{language.name}: install {missing}")
    return Built(language, tmp_path_factory.mktemp("sender"))


@pytest.fixture(scope="session")
def sender(built: Built, example_host: Host) -> Sender:
    name = built.language.name
    with ThreadPoolExecutor(AT_ONCE) as pool:
        started = {
            scenario: pool.submit(
                live, built, example_host, SCENARIOS[scenario], run_name(name, scenario)
            )
            for scenario in SCENARIOS
        }
    return Sender(name, built, {scenario: run.result() for scenario, run in started.items()})
