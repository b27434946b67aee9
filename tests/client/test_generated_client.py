"""A client that a public generator makes of our document posts events, over real HTTP.

Runs in a tox environment of its own, which has the generator.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from django_iot_ingest import signing
from django_iot_ingest.conf import get_power_bank_model
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.openapi.examples import BANK, EXAMPLES, STATION
from tests.gateway import Gateway
from tests.payloads import SECRET
from tests.security.document import OPENAPI_30, OPENAPI_31, dump, generate

pytestmark = pytest.mark.django_db(transaction=True)

PACKAGE = {OPENAPI_30: "client_of_30", OPENAPI_31: "client_of_31"}
OTHER_SECRET = "a-secret-that-this-project-does-not-know-0123456789"
CLASSES = {
    "full": "IotIngestFullEvent",
    "returned": "IotIngestReturnedEvent",
    "status": "IotIngestStatusEvent",
}


@pytest.fixture(scope="module", params=PACKAGE)
def client_package(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ModuleType]:
    """The package that the generator makes, without a warning, of one version of the document."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_text(dump(generate(request.param)), encoding="utf-8")
    (folder / "config.yml").write_text("post_hooks: []\n", encoding="utf-8")
    name = PACKAGE[request.param]
    command = [
        *(str(Path(sys.executable).parent / "openapi-python-client"), "generate"),
        *("--path", "openapi.json", "--config", "config.yml", "--fail-on-warning"),
        *("--meta", "none", "--output-path", name),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield importlib.import_module(name)
    sys.path.remove(str(folder))


class Client:
    """The generated client, with the one thing that no generator knows: how bytes are signed."""

    def __init__(self, package: ModuleType, url: str, secret: str = SECRET) -> None:
        self.models = importlib.import_module(f"{package.__name__}.models")
        self.operation = importlib.import_module(
            f"{package.__name__}.api.io_t_ingest.iot_ingest_station_data"
        )
        self.secret = secret
        self.package, self.url = package, url
        self.token = Gateway.with_admin().token

    def sign(self, request: httpx.Request) -> None:
        """Sign the very bytes that are sent."""
        request.headers["X-Signature"] = signing.sign(
            request.content, request.headers["X-Timestamp"], self.secret
        )

    def post(self, payload: dict[str, Any]) -> Any:
        event = getattr(self.models, CLASSES[payload["type"]]).from_dict(payload)
        hooks = {"event_hooks": {"request": [self.sign]}}
        with self.package.AuthenticatedClient(self.url, self.token, httpx_args=hooks) as client:
            return self.operation.sync_detailed(
                client=client, body=event, x_signature="", x_timestamp=str(int(time.time()))
            )


def test_each_type_is_posted_and_its_answer_read(
    client_package: ModuleType, live_server: Any
) -> None:
    client = Client(client_package, live_server.url)
    for name in ("full", "returned", "status"):
        answer = client.post(EXAMPLES[name]["value"])
        assert answer.status_code == 200, answer.content
        assert (answer.parsed.success, answer.parsed.data.station_serial) == (True, STATION)
        assert answer.parsed.data.state == client.models.IotIngestState.APPLIED
    assert get_power_bank_model().objects.get().serial_number == BANK
    assert sorted(IngestEvent.objects.values_list("event_type", flat=True)) == sorted(EXAMPLES)


def test_its_models_lose_nothing_but_what_no_clock_shows(client_package: ModuleType) -> None:
    """Stamps become moments of Python, in microseconds; all else comes out as it went in."""
    models = importlib.import_module(f"{client_package.__name__}.models")
    for name, example in EXAMPLES.items():
        event = getattr(models, CLASSES[name]).from_dict(example["value"])
        assert comparable(event.to_dict()) == comparable(example["value"])


def comparable(value: Any) -> Any:
    """Return a payload with each stamp cut to microseconds."""
    if isinstance(value, dict):
        return {key: comparable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [comparable(inner) for inner in value]
    is_stamp = isinstance(value, str) and value.startswith("20") and "T" in value
    return datetime.fromisoformat(value) if is_stamp else value


def test_a_refusal_is_read_by_its_own_class(client_package: ModuleType, live_server: Any) -> None:
    client = Client(client_package, live_server.url, secret=OTHER_SECRET)
    answer = client.post(EXAMPLES["status"]["value"])
    assert answer.status_code == 403
    assert isinstance(answer.parsed, client.models.IotIngestInvalidSignature)
    assert len(answer.parsed.request_id) == 32
