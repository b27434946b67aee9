"""The seam: what it tells, that nobody who listens can break anything, and that it costs nothing."""

from __future__ import annotations

import logging

import pytest
from django.apps import apps

from django_iot_ingest import telemetry
from django_iot_ingest.exceptions import InvalidSignature, TemporarilyUnavailable
from django_iot_ingest.services.cabinet import WaitingReturns
from tests.gateway import Gateway
from tests.listening import Ear, connected
from tests.payloads import full
from tests.programs import run

pytestmark = pytest.mark.once


class Broken:
    """A backend that fails at each word."""

    def hears(self, name: str) -> bool:
        return True

    def begin(self, step: telemetry.Step) -> None:
        raise OSError(28, "No space left on device")

    def end(self, step: telemetry.Step, begun: None) -> None:
        raise ZeroDivisionError

    def count(self, name: str, labels: dict[str, str]) -> None:
        raise KeyError(name)


def ended_by(error: BaseException) -> str:
    """Return the code of a step that an error has ended."""
    ear = Ear()
    with connected(ear), pytest.raises(type(error)), telemetry.step("work"):
        raise error
    return ear.ended[0].error_code


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


class Wordy(Exception):
    error = "words of somebody else's"


def test_a_step_says_its_name_how_long_it_took_and_what_it_was_told() -> None:
    ear = Ear()
    with connected(ear), telemetry.step("outer", a=1) as outer:
        with telemetry.step("inner"):
            outer.tell(b=2)
        telemetry.count("things", kind="x")
    inner, outer = ear.ended
    assert (inner.name, inner.about, inner.error_code) == ("inner", {}, "")
    assert (outer.name, outer.about, outer.error_code) == ("outer", {"a": 1, "b": 2}, "")
    assert 0.0 < inner.seconds < outer.seconds
    assert ear.counted == [("things", {"kind": "x"})]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("words"), "ValueError"),
        (Wordy("words"), "Wordy"),
        (InvalidSignature(), "INVALID_SIGNATURE"),
        (caused(InvalidSignature(), ValueError("words")), "INVALID_SIGNATURE"),
        (TemporarilyUnavailable(), "TEMPORARILY_UNAVAILABLE"),
        (caused(TemporarilyUnavailable(), ValueError("words")), "ValueError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (WaitingReturns([1]), ""),
    ],
    ids=repr,
)
def test_an_error_is_told_by_a_code(error: BaseException, code: str) -> None:
    assert ended_by(error) == code


def test_whoever_fails_breaks_nothing_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    ear = Ear()
    with connected(Broken(), ear):
        for _ in range(3):
            with telemetry.step("work"):
                telemetry.count("things")
    assert len(ear.ended) == len(ear.counted) == 3
    lines = [record.getMessage().splitlines()[0] for record in caplog.records]
    assert sorted(lines) == [
        "telemetry failed: KeyError",
        "telemetry failed: OSError",
        "telemetry failed: ZeroDivisionError",
    ]


@pytest.mark.django_db
def test_an_answer_does_not_depend_on_who_counts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "django_iot_ingest.telemetry")
    gateway = Gateway.with_admin()
    with connected(Broken()):
        assert gateway.send(full())["state"] == "applied"
        assert gateway.post(full(), secret="o" * 40).status_code == 403


def test_without_anybody_a_step_is_nothing() -> None:
    with connected():
        step = telemetry.step("work", a=1)
        assert step is telemetry.NOTHING
        with step as same:
            same.tell(b=2)
            same.fail("x")
        telemetry.count("things")
        with pytest.raises(ValueError, match="as it is"), telemetry.step("work"):
            raise ValueError("as it is")
    assert (telemetry.NOTHING.about, telemetry.NOTHING.error_code) == ({}, "")


def test_whoever_does_not_hear_of_a_step_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    class Deaf(Ear):
        def hears(self, name: str) -> bool:
            return {"outer": True, "inner": False, "odd": 1 / 0 if name == "odd" else True}[name]

    deaf = Deaf()
    with connected(deaf), telemetry.step("outer"), telemetry.step("inner") as inner:
        assert inner is telemetry.step("odd") is telemetry.NOTHING
    assert [step.name for step in deaf.ended] == ["outer"]
    assert "telemetry failed: ZeroDivisionError" in caplog.text


def test_backends_come_and_go() -> None:
    ear = Ear()
    with connected():
        telemetry.connect(ear)
        telemetry.count("things")
        telemetry.disconnect(ear)
        telemetry.count("things")
    assert len(ear.counted) == 1


def test_apps_may_be_made_ready_again() -> None:
    """As Django does for ``modify_settings(INSTALLED_APPS=...)``."""
    before = telemetry._backends
    assert {type(backend).__name__ for backend in before} == {"Recorder", "Tracing"}
    apps.get_app_config("django_iot_ingest").ready()
    assert telemetry._backends == before


WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, *_):
        if name.split(".")[0] in {missing}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import django
django.setup()
from django.core.exceptions import ImproperlyConfigured
from django_iot_ingest import health, metrics, telemetry
print([type(backend).__name__ for backend in telemetry._backends], metrics.is_installed())
try:
    print(callable(metrics.MetricsView.as_view()))
except ImproperlyConfigured as error:
    print(error)
print(callable(health.HealthView.as_view()))
import django_iot_ingest.views, django_iot_ingest.sweeper
print(sorted({{"prometheus_client", "opentelemetry"}} & set(sys.modules)))
"""

HINT = (
    "Metrics need prometheus-client: pip install 'django-iot-ingest[metrics]', or take MetricsView "
    "out of your URLconf."
)


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ([], ["['Recorder', 'Tracing'] True", "True", "True"]),
        (["prometheus_client"], ["['Tracing'] False", HINT, "True"]),
        (["opentelemetry"], ["['Recorder'] True", "True", "True"]),
        (["prometheus_client", "opentelemetry"], ["[] False", HINT, "True"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_each_extra_may_be_missing(missing: list[str], said: list[str]) -> None:
    text = WITHOUT.format(missing=missing)
    done = run(text)
    here = sorted({"opentelemetry", "prometheus_client"} - set(missing))
    assert done.splitlines() == [*said, str(here)]


def test_the_example_host_does_without() -> None:
    text = WITHOUT.format(missing=["prometheus_client", "opentelemetry"]) + (
        "from django.urls import get_resolver\n"
        "print([one.name for one in get_resolver().url_patterns if getattr(one, 'name', None)])\n"
    )
    variables = {
        "DJANGO_SETTINGS_MODULE": "example_project.settings",
        "SECRET_KEY": "only-for-a-test-and-long-enough-for-hs256",
        "IOT_SYSTEM_SIGNATURE_SECRET": "only-for-a-test-0123456789abcdefgh",
    }
    names = run(text, **variables).splitlines()[-1]
    assert "healthz-ingest" in names
    assert "metrics" not in names
