"""What our OpenAPI document says is what the endpoint does"""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import include, path
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.openapi import AutoSchema
from openapi_spec_validator import validate
from rest_framework import serializers
from rest_framework.generics import CreateAPIView

from django_iot_ingest import answers, exceptions
from django_iot_ingest.authentication import SignatureAuthentication
from django_iot_ingest.events import WarningCode
from django_iot_ingest.exceptions import Refusal
from django_iot_ingest.models import AbstractStation
from django_iot_ingest.openapi.examples import EXAMPLES
from django_iot_ingest.views import StationDataInternalView
from tests.line import Line
from tests.payloads import bank_row, cabinet, empty_slot, encode, full, returned, status
from tests.security.document import DOCUMENT, OPENAPI_30, OPENAPI_31, Judge, dump, generate
from tests.security.table import ROOT
from tests.test_views import FAULTS

VERSIONS = [OPENAPI_30, OPENAPI_31]
LONG = "x" * 65

GOOD = {
    "status": status(),
    "maintenance": status("MAINTENANCE"),
    "returned": returned(),
    "returned without a slot": returned(slot=None, battery=None),
    "full": full(),
    "misread frame": full([], []),
    "no lists": {**full(), "slots": None, "power_banks": None},
    "a cabinet": cabinet({1: "A", 3: "b:c.d_e-f"}),
    "serial of 64": full([empty_slot(0)], [bank_row("x" * 64)]),
    "unknown fields": full(firmware={"a": [1]}, device={"rssi": -65}),
    "no timestamp": {key: value for key, value in status().items() if key != "timestamp"},
    **{f"example {name}": example["value"] for name, example in EXAMPLES.items()},
}
"""Payloads that are accepted, in the shapes that a gateway sends."""

BAD: dict[str, Any] = {
    "no object": [],
    "no type": {"device": {"serial_number": "1"}},
    "unknown type": {**status(), "type": "alarm"},
    "type in other letters": {**status(), "type": "Status"},
    "no device": {"type": "full"},
    "device is null": {"type": "full", "device": None},
    "serial is a number": status(serial=1),  # type: ignore[arg-type]
    "serial is empty": status(serial=""),
    "serial with a blank": status(serial="a b"),
    "serial of 65": full(serial=LONG),
    "unknown status": status("ASLEEP"),
    "bank is null": returned(None),
    "bank of 65": returned(LONG),
    "no return event": {key: value for key, value in returned().items() if key != "return_event"},
    "slots is an object": {**full(), "slots": {}},
    "257 slots": full([empty_slot(0)] * 257),
    "257 banks": full(None, [bank_row()] * 257),
}
"""Payloads that are refused, and that the document does not allow either."""

STATES: dict[str, list[dict[str, Any]]] = {
    "applied": [status()],
    "duplicate": [full(), *[returned(slot=2, at=1_795_452_778)] * 2],
    "stale": [full(), full(at=1_795_452_000)],
    "deferred": [returned("unknown")],
}
"""What is sent, so that the last answer has this state."""

once = pytest.mark.once
on_each_database = pytest.mark.one_host


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return generate()


@pytest.fixture(scope="module", params=VERSIONS)
def judge(request: pytest.FixtureRequest) -> Judge:
    return Judge(generate(request.param))


def refusals(base: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    """Yield every refusal that the package has."""
    for refusal in base.__subclasses__():
        if refusal.__module__ == exceptions.__name__:
            yield refusal
        yield from refusals(refusal)


# --- the document


@once
def test_the_page_is_what_is_generated(document: dict[str, Any]) -> None:
    assert dump(document) == DOCUMENT.read_text("utf-8"), "run python -m tests.security.document"


@once
@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_valid_and_generated_without_a_warning(version: str) -> None:
    GENERATOR_STATS.reset()
    validate(generate(version))
    assert not GENERATOR_STATS


@once
@pytest.mark.parametrize("version", VERSIONS)
def test_each_example_is_what_its_schema_says(version: str) -> None:
    document = generate(version)
    content = document["paths"]["/api/internal/stations/data"]["post"]["requestBody"]["content"]
    examples = content["application/json"]["examples"]
    assert set(examples) == {"status", "returned", "full"}
    for example in examples.values():
        assert Judge(document).errors("Event", example["value"]) == []


@once
def test_its_choices_are_those_of_the_code(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    choices = {name: set(schema["enum"]) for name, schema in schemas.items() if "enum" in schema}
    assert choices == {
        "IotIngestMessage": set(answers.MESSAGES.values()),
        "IotIngestState": set(answers.MESSAGES),
        "IotIngestStationStatus": set(AbstractStation.Status.values),
        "IotIngestWarningCode": set(WarningCode),
    }


@once
def test_it_knows_every_refusal_under_its_status(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    told = {
        (int(code), schemas[name.rpartition("/")[2]]["properties"]["error"]["const"])
        for code, response in Judge(document).operation["responses"].items()
        for name in names(response["content"]["application/json"]["schema"])
        if code != "200"
    }
    assert told == {(refusal.status_code, refusal.error) for refusal in refusals()}


def names(schema: dict[str, Any]) -> list[str]:
    """Return what a response's schema refers to."""
    mapping = schema.get("discriminator", {}).get("mapping", {})
    alternatives = [part["$ref"] for part in schema.get("oneOf", [schema])]
    assert list(mapping.values()) in ([], alternatives)
    return alternatives


@once
def test_both_the_token_and_the_signature_are_required(document: dict[str, Any]) -> None:
    operation = Judge(document).operation
    assert operation["security"] == [{"IotIngestBearer": [], "IotIngestSignature": []}]
    schemes = document["components"]["securitySchemes"]
    kinds = {name: (scheme["type"], scheme.get("in")) for name, scheme in schemes.items()}
    assert kinds == {"IotIngestBearer": ("http", None), "IotIngestSignature": ("apiKey", "header")}
    parameters = {parameter["name"]: parameter for parameter in operation["parameters"]}
    assert set(parameters) == {"X-Signature", "X-Timestamp"}
    assert all(parameter["required"] for parameter in parameters.values())


# --- inside a host's document


class Ticket(serializers.Serializer):  # type: ignore[type-arg]
    """A host's own object, whose fields have the names of ours."""

    type = serializers.ChoiceField(["a", "b"])
    status = serializers.ChoiceField(["open", "closed"])
    state = serializers.ChoiceField(["new", "old"])
    error = serializers.ChoiceField(["none", "some"])
    code = serializers.ChoiceField(["x", "y"])


class Tickets(CreateAPIView[Any]):
    schema = AutoSchema()
    serializer_class = Ticket
    authentication_classes = []


class OwnAuthentication(SignatureAuthentication):
    """A host's variation."""


class OwnView(StationDataInternalView):
    authentication_classes = [OwnAuthentication]


class HiddenView(StationDataInternalView):
    schema = None


HOSTS_OWN = [path("tickets", Tickets.as_view())]
OURS = [path("iot/<slug:fleet>/", include("django_iot_ingest.urls"))]


@once
@pytest.mark.parametrize("version", VERSIONS)
def test_it_changes_no_name_of_the_host_and_takes_none(version: str) -> None:
    GENERATOR_STATS.reset()
    alone = generate(version, HOSTS_OWN)["components"]["schemas"]
    both = generate(version, [*HOSTS_OWN, *OURS])
    validate(both)
    assert not GENERATOR_STATS
    added = {
        name: component
        for kind in both["components"].values()
        for name, component in kind.items()
        if name not in alone
    }
    assert all(name.startswith("IotIngest") for name in added)
    assert {name: both["components"]["schemas"][name] for name in alone} == alone
    only_ours = generate(version)["components"]
    assert added == {**only_ours["schemas"], **only_ours["securitySchemes"]}


@once
def test_a_prefix_with_a_parameter_keeps_it() -> None:
    operation = generate(patterns=OURS)["paths"]["/iot/{fleet}/stations/data"]["post"]
    places = [(parameter["name"], parameter["in"]) for parameter in operation["parameters"]]
    assert places == [("fleet", "path"), ("X-Signature", "header"), ("X-Timestamp", "header")]


@once
def test_a_hosts_variation_is_described_the_same_way(document: dict[str, Any]) -> None:
    own = generate(patterns=[path("api/internal/stations/data", OwnView.as_view())])
    assert own == document


@once
def test_a_host_can_hide_it() -> None:
    assert generate(patterns=[path("data", HiddenView.as_view())])["paths"] == {}


@once
def test_generating_it_changes_nothing_for_the_next_time() -> None:
    before = copy.deepcopy(generate())
    generate(OPENAPI_30, [*HOSTS_OWN, *OURS])
    assert generate() == before


SETUP = """
import sys
{block}
from django.conf import settings
import tests.settings as base
names = [name for name in dir(base) if name.isupper()]
settings.configure(**{{name: getattr(base, name) for name in names}})
settings.INSTALLED_APPS = [*base.INSTALLED_APPS, *{apps}]
import django
django.setup()
import tests.urls
print(sorted(name for name in sys.modules if "openapi" in name or name == "drf_spectacular"))
"""


@once
@pytest.mark.parametrize(
    ("block", "apps", "expected"),
    [
        ("", [], False),
        ("sys.modules['drf_spectacular'] = None", [], False),
        ("", ["drf_spectacular"], True),
    ],
    ids=["not among the apps", "not installed", "among the apps"],
)
def test_only_a_host_that_uses_it_loads_it(block: str, apps: list[str], expected: bool) -> None:
    script = SETUP.format(block=block, apps=apps)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ("'django_iot_ingest.openapi.extensions'" in done.stdout) is expected
    assert ("'django_iot_ingest.openapi" in done.stdout) is expected


# --- requests


@once
@pytest.mark.parametrize("payload", GOOD.values(), ids=GOOD)
def test_a_good_payload_is_allowed(judge: Judge, payload: dict[str, Any]) -> None:
    assert judge.errors("Event", payload) == []


@once
@pytest.mark.parametrize("payload", BAD.values(), ids=BAD)
def test_a_bad_payload_is_not_allowed(judge: Judge, payload: Any) -> None:
    assert judge.errors("Event", payload) != []


@on_each_database
@pytest.mark.parametrize("payload", GOOD.values(), ids=GOOD)
def test_a_good_payload_is_accepted(line: Line, payload: dict[str, Any]) -> None:
    assert line.call(body=encode(payload)).status_code == 200


@on_each_database
@pytest.mark.parametrize("payload", BAD.values(), ids=BAD)
def test_a_bad_payload_is_refused(line: Line, payload: Any) -> None:
    assert line.call(body=encode(payload)).status_code == 400


# --- answers


@on_each_database
def test_each_refusal_is_what_the_document_says(line: Line) -> None:
    responses = [line.call(**fault) for fault, _ in FAULTS.values()]
    heard = {response.json()["error"] for response in responses}
    assert heard == {refusal.error for refusal in refusals()}
    for version in VERSIONS:
        judge = Judge(generate(version))
        assert [judge.errors_of(response) for response in responses] == [[]] * len(responses)


@on_each_database
@pytest.mark.parametrize(("state", "payloads"), STATES.items(), ids=STATES)
def test_each_state_is_what_the_document_says(
    line: Line, judge: Judge, state: str, payloads: list[dict[str, Any]]
) -> None:
    *_, response = [line.call(body=encode(payload)) for payload in payloads]
    assert response.json()["data"]["state"] == state
    assert judge.errors_of(response) == []
    replayed = {"duplicate": "true"}.get(state)
    assert response.headers.get("Idempotent-Replayed") == replayed


@on_each_database
def test_an_answer_with_as_many_warnings_as_there_can_be_is_what_the_document_says(
    line: Line, judge: Judge
) -> None:
    response = line.call(body=encode(full(["no row"] * 256)))
    assert len(response.json()["data"]["warnings"]) == 101
    assert judge.errors_of(response) == []


@once
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["success"], False),
        (["message"], "Done"),
        (["more"], 1),
        (["data", "state"], "received"),
        (["data", "event_id"], 7),
        (["data", "timestamp"], "yesterday"),
        (["data", "slots_updated"], -1),
        (["data", "warnings"], [{"code": "strange", "path": ""}]),
        (["data", "more"], None),
    ],
)
def test_another_answer_is_not_what_the_document_says(
    judge: Judge, path: list[str], value: Any
) -> None:
    answer: dict[str, Any] = {
        "success": True,
        "message": "Station data updated",
        "data": {
            "event_id": "1",
            "state": "applied",
            "warnings": [],
            "station_id": None,
            "station_serial": "1",
            "slots_updated": 0,
            "powerbanks_updated": 0,
            "offline_returns_processed": 0,
            "timestamp": "2026-11-23T16:52:58.723279+00:00",
        },
    }
    assert judge.errors("Accepted", answer) == []
    *parents, last = path
    place = answer[parents[0]] if parents else answer
    place[last] = value
    assert judge.errors("Accepted", answer) != []
