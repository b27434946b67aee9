"""A client that a public generator makes of our document posts events, over real HTTP.

Runs in a tox environment of its own, which has the generator.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from django_iot_ingest.conf import get_power_bank_model
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.openapi.examples import BANK, EXAMPLES, STATION
from tests.gateway import Gateway
from tests.payloads import SECRET
from tests.security.document import DOCUMENT, OPENAPI_30, OPENAPI_31, dump, generate

pytestmark = pytest.mark.django_db(transaction=True)

PACKAGE = "iot_ingest_client"
OTHER_SECRET = "a-secret-that-this-project-does-not-know-0123456789"
CLASSES = {
    "full": "IotIngestFullEvent",
    "returned": "IotIngestReturnedEvent",
    "status": "IotIngestStatusEvent",
}


@pytest.fixture(scope="module", params=[OPENAPI_30, OPENAPI_31])
def models(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ModuleType]:
    """The models of a client that is made, without a warning, of one version of the document."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_text(dump(generate(request.param)), encoding="utf-8")
    (folder / "config.yml").write_text("post_hooks: []\n", encoding="utf-8")
    command = [
        *(str(Path(sys.executable).parent / "openapi-python-client"), "generate"),
        *("--path", "openapi.json", "--config", "config.yml", "--fail-on-warning"),
        *("--meta", "none", "--output-path", PACKAGE),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    import iot_ingest_client.models

    yield iot_ingest_client.models
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


class Client:
    """The code of docs/reference/answers.md, with a generated client, and for every type of event."""

    def __init__(self, models: ModuleType, url: str, secret: str = SECRET) -> None:
        (code,) = re.findall(
            r"```python\n(.*?)```", DOCUMENT.with_name("answers.md").read_text(), re.DOTALL
        )
        self.models = models
        self.names = {"SECRET": secret, "URL": url, "TOKEN": Gateway.with_admin().token}
        exec(code, self.names)  # noqa: S102 - our own page

    def post(self, payload: dict[str, Any]) -> Any:
        self.names["IotIngestFullEvent"] = getattr(self.models, CLASSES[payload["type"]])
        return self.names["post"](payload)  # type: ignore[operator]


def test_each_type_is_posted_and_its_answer_read(models: ModuleType, live_server: Any) -> None:
    client = Client(models, live_server.url)
    for name in ("full", "returned", "status"):
        answer = client.post(EXAMPLES[name]["value"])
        assert answer.status_code == 200, answer.content
        assert (answer.parsed.success, answer.parsed.data.station_serial) == (True, STATION)
        assert answer.parsed.data.state == models.IotIngestState.APPLIED
    assert get_power_bank_model().objects.get().serial_number == BANK
    assert sorted(IngestEvent.objects.values_list("event_type", flat=True)) == sorted(EXAMPLES)


def test_its_models_lose_nothing_but_what_no_clock_shows(models: ModuleType) -> None:
    """Stamps become moments of Python, in microseconds; all else comes out as it went in."""
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


def test_a_refusal_is_read_by_its_own_class(models: ModuleType, live_server: Any) -> None:
    answer = Client(models, live_server.url, OTHER_SECRET).post(EXAMPLES["status"]["value"])
    assert answer.status_code == 403
    assert isinstance(answer.parsed, models.IotIngestInvalidSignature)
    assert len(answer.parsed.request_id) == 32
