"""The checks of the host's models and their columns, over models made for one test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import models
from django.test.utils import isolate_apps

from django_iot_ingest.checks import models as model_checks
from django_iot_ingest.models import AbstractPowerBank, AbstractStation, AbstractStationSlot
from django_iot_ingest.services import StationSyncService
from tests.checking import configure, ids, messages, only_message

pytestmark = pytest.mark.once

LABEL = "django_iot_ingest"
BASES: dict[str, Any] = {
    "Station": AbstractStation,
    "StationSlot": AbstractStationSlot,
    "PowerBank": AbstractPowerBank,
}
NULLABLE: dict[str, Any] = {"null": True, "on_delete": models.SET_NULL, "related_name": "+"}
SERIAL = models.UniqueConstraint(fields=["serial_number"], name="serial")
SLOT = models.UniqueConstraint(fields=["slot_number", "station"], name="slot")
SLOT_IN_USE = models.UniqueConstraint(
    fields=["slot_number", "station"], name="slot", condition=models.Q(out_of_service=False)
)
SLOT_DEFERRED = models.UniqueConstraint(
    fields=["slot_number", "station"], name="slot", deferrable=models.Deferrable.DEFERRED
)


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    """Keep the models of a test in a registry of their own, and name the stock ones."""
    with isolate_apps(LABEL) as apps:
        monkeypatch.setattr(model_checks, "apps", apps)
        configure(
            settings,
            STATION_MODEL=f"{LABEL}.Station",
            STATION_SLOT_MODEL=f"{LABEL}.StationSlot",
            POWER_BANK_MODEL=f"{LABEL}.PowerBank",
        )
        yield


def meta(*parents: Any, **options: Any) -> type:
    return type("Meta", parents, {"app_label": LABEL, **options})


def declare(name: str, *bases: Any, **attributes: Any) -> Any:
    """Declare one model as a class statement would."""
    options = attributes.pop("Meta", None) or meta(*[base.Meta for base in bases[:1]])
    return type(name, bases, {"__module__": __name__, "Meta": options, **attributes})


def declare_host(**overrides: dict[str, Any]) -> None:
    """Declare the three models, each with the attributes that are given for it."""
    for name, base in BASES.items():
        declare(name, base, **overrides.get(name, {}))


def test_stock_models() -> None:
    declare_host()
    assert ids() == []


# --- names


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("", ["E020"]),
        ("Station", ["E021"]),
        (f"{LABEL}.models.Station", ["E021"]),
        (f"{LABEL}.", ["E021"]),
        (f" {LABEL}.Station", ["E021"]),
        ("nobody.Station", ["E022"]),
        (f"{LABEL}.Statoin", ["E022"]),
        (f"{LABEL}.PowerBank", ["E023"]),
        (f"{LABEL}.station", []),
    ],
)
def test_a_name(settings: Any, label: str, expected: list[str]) -> None:
    declare_host()
    configure(settings, STATION_MODEL=label)
    assert ids() == expected


@pytest.mark.parametrize("label", ["Station", "nobody.Station", f"{LABEL}.PowerBank"])
def test_the_hint_names_the_models_that_would_fit(settings: Any, label: str) -> None:
    declare_host()
    configure(settings, STATION_MODEL=label)
    assert f'"STATION_MODEL": "{LABEL}.Station"' in str(only_message().hint)


def test_an_app_that_is_not_installed(settings: Any) -> None:
    configure(settings, STATION_MODEL="nobody.Station")
    hints = [str(message.hint) for message in messages() if "nobody" in message.msg]
    assert 'No installed app has the label "nobody": add it to INSTALLED_APPS.' in hints[0]
    assert 'Write "STATION_MODEL": "fleet.Station".' in hints[0]


def test_a_swapped_model(settings: Any) -> None:
    settings.SOME_STATION = "fleet.Other"
    swapped = meta(AbstractStation.Meta, swappable="SOME_STATION")
    declare_host(Station={"Meta": swapped})
    assert "E024" in ids()
    assert 'Write "STATION_MODEL": "fleet.Other".' in [message.hint for message in messages()]


def test_multi_table_inheritance(settings: Any) -> None:
    declare_host()
    declare("Kiosk", model_checks.apps.get_model(LABEL, "Station"), Meta=meta())
    configure(settings, STATION_MODEL=f"{LABEL}.Kiosk")
    assert ids() == ["E025", "E027", "E027"]


def test_a_proxy_is_fine(settings: Any) -> None:
    declare_host()
    declare("Kiosk", model_checks.apps.get_model(LABEL, "Station"), Meta=meta(proxy=True))
    configure(settings, STATION_MODEL=f"{LABEL}.Kiosk")
    assert ids() == []


# --- columns


def other_station(**arguments: Any) -> Any:
    return models.ForeignKey("Other", on_delete=models.CASCADE, related_name="+", **arguments)


@pytest.mark.parametrize(
    ("name", "attributes", "expected"),
    [
        ("Station", {"imei": None}, ["E026"]),
        ("StationSlot", {"slot_metadata": None}, ["E026"]),
        ("PowerBank", {"current_slot": None}, ["E026"]),
        ("StationSlot", {"station": other_station()}, ["E027"]),
        ("PowerBank", {"current_station": other_station(null=True)}, ["E027"]),
        ("PowerBank", {"current_station": models.IntegerField(null=True)}, ["E027"]),
        ("PowerBank", {"current_slot": models.ForeignKey("Nobody", **NULLABLE)}, ["E027"]),
        ("PowerBank", {"current_slot": models.OneToOneField("StationSlot", **NULLABLE)}, ["E028"]),
        (
            "PowerBank",
            {"current_slot": models.ForeignKey("StationSlot", models.CASCADE, related_name="+")},
            ["E029"],
        ),
        ("StationSlot", {"Meta": meta()}, ["E030"]),
        ("StationSlot", {"Meta": meta(constraints=[SLOT_IN_USE])}, ["E030"]),
        ("StationSlot", {"Meta": meta(constraints=[SLOT_DEFERRED])}, ["E030"]),
        ("StationSlot", {"Meta": meta(constraints=[SLOT])}, []),
        ("StationSlot", {"Meta": meta(unique_together=[("slot_number", "station")])}, []),
        ("StationSlot", {"Meta": meta(unique_together=("station", "slot_number"))}, []),
        ("Station", {"serial_number": models.CharField(max_length=64)}, ["E031"]),
        ("PowerBank", {"serial_number": models.CharField(max_length=80)}, ["E031"]),
        ("PowerBank", {"serial_number": models.CharField(max_length=64, unique=True)}, []),
        ("PowerBank", {"serial_number": models.CharField(max_length=64, primary_key=True)}, []),
        (
            "Station",
            {
                "serial_number": models.CharField(max_length=64),
                "Meta": meta(constraints=[SERIAL]),
            },
            [],
        ),
        ("Station", {"serial_number": models.CharField(max_length=20, unique=True)}, ["E032"]),
        ("Station", {"serial_number": models.TextField(unique=True)}, []),
    ],
)
def test_a_column(name: str, attributes: dict[str, Any], expected: list[str]) -> None:
    declare("Other", AbstractStation)
    declare_host(**{name: attributes})
    assert ids() == expected


def test_renamed_models_need_their_own_links(settings: Any) -> None:
    """What a host meets who renames a model and forgets the foreign keys (style guide, traps)."""
    declare("Locker", AbstractStation)
    declare("StationSlot", AbstractStationSlot)
    declare("PowerBank", AbstractPowerBank)
    configure(settings, STATION_MODEL=f"{LABEL}.Locker")
    assert ids() == ["E027", "E027"]
    slot, bank = (str(message.hint) for message in messages())
    assert slot == (
        f'Write in class StationSlot: station = models.ForeignKey("{LABEL}.Locker", '
        'on_delete=models.CASCADE, related_name="slots")'
    )
    assert bank == (
        f'Write in class PowerBank: current_station = models.ForeignKey("{LABEL}.Locker", '
        'on_delete=models.SET_NULL, null=True, blank=True, related_name="power_banks")'
    )


# --- columns of the host's own


class GivingService(StationSyncService):
    def get_station_defaults(self, serial_number: str) -> dict[str, Any]:
        return {"weight": 1}


class FilledField(models.IntegerField):  # type: ignore[type-arg]
    def pre_save(self, model_instance: Any, add: bool) -> int:
        return 1


def save(self: Any, **options: Any) -> None: ...


NUMBER = models.IntegerField


@pytest.mark.parametrize(
    ("overrides", "changed", "found"),
    [
        ({"Station": {"weight": NUMBER()}}, {}, ["Station.weight"]),
        ({"PowerBank": {"bought": models.DateField()}}, {}, ["PowerBank.bought"]),
        ({"StationSlot": {"weight": NUMBER()}}, {}, ["StationSlot.weight"]),
        ({"Station": {"weight": NUMBER()}}, {"SYNC_SERVICE": f"{__name__}.GivingService"}, []),
        (
            {"PowerBank": {"weight": NUMBER()}},
            {"SYNC_SERVICE": f"{__name__}.GivingService"},
            ["PowerBank.weight"],
        ),
        ({"Station": {"weight": NUMBER()}}, {"AUTO_CREATE_STATIONS": False}, []),
        ({"PowerBank": {"weight": NUMBER()}}, {"AUTO_CREATE_POWER_BANKS": False}, []),
        ({"Station": {"weight": NUMBER(), "save": save}}, {}, []),
        ({"PowerBank": {"weight": NUMBER(), "save": save}}, {}, ["PowerBank.weight"]),
        ({"Station": {"weight": NUMBER(null=True)}}, {}, []),
        ({"Station": {"weight": NUMBER(default=1)}}, {}, []),
        ({"Station": {"weight": NUMBER(db_default=1)}}, {}, []),
        ({"Station": {"city": models.CharField(max_length=9)}}, {}, []),
        ({"Station": {"made": models.DateTimeField(auto_now_add=True)}}, {}, []),
        ({"Station": {"weight": FilledField()}}, {}, []),
        ({"Station": {"id": models.UUIDField(primary_key=True)}}, {}, []),
    ],
)
def test_columns_that_nobody_fills(
    settings: Any, overrides: dict[str, Any], changed: dict[str, Any], found: list[str]
) -> None:
    declare_host(**overrides)
    configure(
        settings, **{"SYNC_SERVICE": "django_iot_ingest.services.StationSyncService", **changed}
    )
    assert ids() == ["W041"] * len(found)
    assert [str(message.msg).split()[0] for message in messages()] == [
        f"{LABEL}.{name}" for name in found
    ]


# --- databases


class InboxElsewhere:
    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "elsewhere" if model.__name__ == "IngestEvent" else "default"


class BrokenRouter:
    def db_for_write(self, model: Any, **hints: Any) -> str:
        raise RuntimeError("no")


def test_two_databases(settings: Any) -> None:
    declare_host()
    settings.DATABASE_ROUTERS = [f"{__name__}.InboxElsewhere"]
    assert ids() == ["E033", "E033", "E033"]
    assert "'elsewhere'" in messages()[0].msg


def test_a_router_that_fails(settings: Any) -> None:
    declare_host()
    settings.DATABASE_ROUTERS = [f"{__name__}.BrokenRouter"]
    assert ids() == []
