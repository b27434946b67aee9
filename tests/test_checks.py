"""The checks as a whole, and those of the dictionary and its secrets."""

from __future__ import annotations

import ast
import base64
import re
import secrets
from collections import Counter, UserDict
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.checks.registry import registry
from django.test import override_settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_iot_ingest import checks
from django_iot_ingest.checks.secrets import is_placeholder
from django_iot_ingest.checks.settings import CHOICES, KINDS, LEAST, REQUIRED, declared
from django_iot_ingest.checks.values import EXAMPLES, TAG, describe, show
from django_iot_ingest.conf import IngestSettings
from tests.checking import configure, ids, messages, only_message

pytestmark = pytest.mark.once

PACKAGE = Path(checks.__file__).parent
DOCS = Path(__file__).resolve().parent.parent / "docs" / "reference" / "checks.md"
ID = re.compile(r"iot_ingest\.[EW]\d{3}")

GOOD = "contract-example-secret-0123456789abcdef"
SAMPLE = "your-iot-system-signature-secret-here"
SURROGATE = "0123456789abcdef0123456789abcdef\udc80"


# --- the checks as a whole


def check_functions() -> Iterator[tuple[Any, ast.FunctionDef]]:
    """Yield (function, its syntax tree) for every check in the package."""
    for name in checks.__all__:
        module = getattr(checks, name)
        for node in ast.parse(Path(module.__file__).read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("check_"):
                yield getattr(module, node.name), node


def ids_in(node: ast.AST) -> set[str]:
    constants = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant))
    return {value for value in constants if isinstance(value, str) and ID.fullmatch(value)}


def ids_in_code() -> list[str]:
    return [used for _, node in check_functions() for used in sorted(ids_in(node))]


def test_every_module_is_loaded() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "values"}
    assert modules == set(checks.__all__)


def test_every_check_is_registered_under_the_tag() -> None:
    registered = registry.registered_checks | registry.deployment_checks
    for function, _ in check_functions():
        assert function in registered, function.__name__
        assert TAG in function.tags


def test_no_id_is_used_by_two_checks_and_each_check_has_one() -> None:
    assert [used for used, times in Counter(ids_in_code()).items() if times > 1] == []
    for function, node in check_functions():
        assert len(ids_in(node)) == 1, function.__name__


def test_no_id_hides_outside_a_check() -> None:
    everywhere = Counter(
        used
        for path in PACKAGE.glob("*.py")
        for used in re.findall(r'"(iot_ingest\.[EW]\d+)', path.read_text())
    )
    assert everywhere == Counter(ids_in_code())


def test_the_documentation_lists_each_id_once() -> None:
    rows = [line.split("|") for line in DOCS.read_text().splitlines() if ID.search(line)]
    assert sorted(row[1].strip(" `") for row in rows) == sorted(ids_in_code())
    assert all(len(row) == 5 and row[2].strip() and row[3].strip() for row in rows)


def test_the_documentation_marks_the_deploy_checks() -> None:
    deploy = {
        used
        for function, node in check_functions()
        if function in registry.deployment_checks
        for used in ids_in(node)
    }
    marked = {ID.findall(line)[0] for line in DOCS.read_text().splitlines() if "*deploy* `" in line}
    assert marked == deploy


def test_every_id_has_a_test() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_checks*.py"))
    tested = set(re.findall(r'"([EW]\d{3})"', tests))
    assert {used.removeprefix("iot_ingest.") for used in ids_in_code()} == tested


def test_the_hosts_of_the_suite_are_clean() -> None:
    assert [str(message) for message in messages()] == []


def test_every_annotation_has_a_kind_and_every_table_names_real_keys() -> None:
    assert set(declared()) == {name for name in vars(IngestSettings) if name.isupper()}
    assert all(annotation in KINDS for annotation in declared().values())
    assert {*EXAMPLES, *CHOICES, *LEAST, *REQUIRED} <= set(declared())


# --- the dictionary


def test_a_missing_dictionary_is_one_error(settings: Any) -> None:
    del settings.IOT_INGEST
    assert ids(deploy=True) == ["E001"]


@pytest.mark.parametrize("value", [None, [], "text", 5, [("SIGNATURE_TIMEOUT", 1)]])
def test_no_dictionary(settings: Any, value: object) -> None:
    settings.IOT_INGEST = value
    assert ids() == ["E001"]
    assert '"STATION_MODEL": "fleet.Station"' in str(only_message().hint)


@pytest.mark.parametrize("kind", [MappingProxyType, UserDict])
def test_a_mapping_that_django_would_show(settings: Any, kind: Any) -> None:
    assert ids() == []
    settings.IOT_INGEST = kind(settings.IOT_INGEST)
    assert ids() == ["W002"]
    assert GOOD not in str(only_message())


def test_an_empty_dictionary(settings: Any) -> None:
    settings.IOT_INGEST = {}
    assert ids() == ["E010", "E020", "E020", "E020"]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("SIGNATURE_SECRET", 'Write "SIGNATURE_SECRETS" instead.'),
        ("allowed_ips", 'Write "ALLOWED_IPS" instead.'),
        ("POWERBANK_MODEL", 'Write "POWER_BANK_MODEL" instead.'),
        ("NO_SUCH_THING", "Remove it. The settings are SIGNATURE_SECRETS, "),
        ("__class__", "Remove it."),
        (7, "Remove it."),
    ],
)
def test_an_unknown_key(settings: Any, key: Any, hint: str) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, key: GOOD}
    assert ids() == ["E002"]
    assert str(only_message().hint).startswith(hint)
    assert repr(key) in only_message().msg
    assert GOOD not in str(only_message())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SIGNATURE_TIMEOUT", "300"),
        ("SIGNATURE_TIMEOUT", True),
        ("SIGNATURE_TIMEOUT", 300.0),
        ("SIGNATURE_TIMEOUT", None),
        ("AUTO_CREATE_STATIONS", 1),
        ("AUTO_CREATE_POWER_BANKS", "yes"),
        ("ALLOWED_IPS", "10.0.0.1"),
        ("ALLOWED_IPS", None),
        ("ALLOWED_IPS", {"10.0.0.1"}),
        ("ALLOWED_IPS", ["10.0.0.1", 7]),
        ("TRUSTED_PROXIES", [None]),
        ("AUTHENTICATION_CLASSES", [object]),
        ("SIGNATURE_SECRETS", None),
        ("SIGNATURE_SECRETS", GOOD),
        ("STATION_MODEL", None),
        ("SYNC_SERVICE", object),
        ("ADMIN_PREDICATE", len),
        ("MAX_BODY_BYTES", "1M"),
    ],
)
def test_a_wrong_type(settings: Any, key: str, value: object) -> None:
    configure(settings, **{key: value})
    assert ids() == ["E003"]
    assert key in only_message().msg
    assert f'Write "{key}": ' in str(only_message().hint)
    assert GOOD not in str(only_message())


def test_a_wrong_type_names_the_entry_and_shows_the_value(settings: Any) -> None:
    configure(settings, ALLOWED_IPS=["10.0.0.1", 7])
    assert only_message().msg == "IOT_INGEST: ALLOWED_IPS[1] has to be text, not 7 (int)."


def test_tuples_are_lists(settings: Any) -> None:
    configure(settings, SIGNATURE_SECRETS=(GOOD,), ALLOWED_IPS=("10.0.0.1",), TRUSTED_PROXIES=())
    assert ids() == []


@pytest.mark.parametrize(
    ("key", "bad", "good"),
    [
        ("SIGNATURE_TIMEOUT", 0, 1),
        ("MAX_BODY_BYTES", 0, 1),
        ("OFFLINE_AFTER", -5, 1),
        ("HOSTNAME_REFRESH", 0, 1),
        ("EJECT_GRACE", -1, 0),
        ("OFFLINE_AFTER", 2**31, 2**31 - 1),
        ("EJECT_GRACE", 10**30, 2**31 - 1),
    ],
)
def test_a_number_out_of_range(settings: Any, key: str, bad: int, good: int) -> None:
    configure(settings, **{key: bad})
    assert ids() == ["E004"]
    configure(settings, **{key: good})
    assert not {"E003", "E004"} & set(ids())


def test_a_long_timeout(settings: Any) -> None:
    configure(settings, SIGNATURE_TIMEOUT=900)
    assert ids() == []
    configure(settings, SIGNATURE_TIMEOUT=901)
    assert ids() == ["W001"]


# --- the secrets


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        (GOOD, []),
        ("ключ-0123456789-абвгдеж", []),
        (None, ["E011"]),
        (GOOD.encode(), ["E011"]),
        (["nested"], ["E011"]),
        ("", ["E012"]),
        (GOOD[:31], ["E013"]),
        (GOOD[:32], []),
        (f"{GOOD}\n", ["E014"]),
        (f" {GOOD}", ["E014"]),
        (SURROGATE, ["E015"]),
        (SAMPLE, ["E016"]),
        (SAMPLE.upper(), ["E016"]),
        (f"put-the-real-one-here-{GOOD}", ["E016"]),
        (f"CHANGE-me-{GOOD}", ["E016"]),
        ("abcdefg" * 10, ["E016"]),
        ("abcdefgh" * 10, []),
        ("changeme", ["E013", "E016"]),
        (" " * 40, ["E014", "E016"]),
        (f" {SAMPLE}", ["E014", "E016"]),
    ],
)
def test_a_secret(settings: Any, secret: object, expected: list[str]) -> None:
    configure(settings, SIGNATURE_SECRETS=["another-good-secret-0123456789-xyz", secret])
    assert ids() == expected
    for message in messages():
        assert "SIGNATURE_SECRETS[1]" in message.msg


@pytest.mark.parametrize("value", [[], ()])
def test_no_secret(settings: Any, value: object) -> None:
    configure(settings, SIGNATURE_SECRETS=value)
    assert ids() == ["E010"]


def test_a_secret_listed_twice(settings: Any) -> None:
    configure(settings, SIGNATURE_SECRETS=[GOOD, "another-good-secret-0123456789-xyz", GOOD])
    assert ids() == ["E017"]
    assert only_message().msg == (
        "IOT_INGEST: SIGNATURE_SECRETS[2] is the same as SIGNATURE_SECRETS[0]."
    )


@pytest.mark.parametrize("frame", ["{}", " {}{}{}{}", "{}\udc80", "your-{}", "change{}{}{}{}-here"])
@pytest.mark.parametrize("encoding", [None, "utf-8"])
def test_a_message_holds_no_part_of_a_secret(settings: Any, frame: str, encoding: Any) -> None:
    text = frame.format(*["QZXJKWVY"] * 4)
    secret = text.encode(encoding, "replace") if encoding else text
    for value in ([secret, secret], secret, {secret: secret}, [[secret]]):
        configure(settings, SIGNATURE_SECRETS=value)
        said = "".join(map(str, messages()))
        assert said and "iot_ingest.E0" in said
        assert not re.search("your-|-here|QZ|ZX|XJ|JK|KW|WV|VY", said)


def makers_of_secrets() -> Iterator[str]:
    yield secrets.token_hex(32)
    yield secrets.token_urlsafe(32)
    yield base64.b64encode(secrets.token_bytes(32)).decode()
    yield base64.b32encode(secrets.token_bytes(20)).decode()


def test_nothing_random_is_a_placeholder() -> None:
    literal = re.compile(r"\A(your-|change)|-here", re.IGNORECASE)
    for _ in range(2000):
        for secret in makers_of_secrets():
            assert is_placeholder(secret) is bool(literal.search(secret))


# --- whatever the settings hold


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary(max_size=8)
    | st.text(st.characters(exclude_categories=()), max_size=8)
    | st.sampled_from([object(), Unshowable, len, "django", "django.", ".", "..a", "a..b"])
    | st.sampled_from(["fleet.Station", "depot.Bay", "auth.User", "auth.Nobody", "nobody.Nothing"])
    | st.sampled_from(["django_iot_ingest.services.StationSyncService", "os.path", "builtins.dict"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=2)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from([*sorted(declared()), "NO_SUCH_KEY"]) | st.integers() | st.text(max_size=4)


@given(value=VALUES | st.dictionaries(KEYS, VALUES, max_size=6))
def test_no_check_ever_raises(value: object) -> None:
    with override_settings(IOT_INGEST=value):
        assert all(str(message) and message.hint for message in messages(deploy=True))


@hypothesis_settings(max_examples=50)
@given(value=VALUES)
def test_no_check_raises_over_one_odd_value(value: object) -> None:
    for key in declared():
        changed = {**django_settings.IOT_INGEST, key: value}
        with override_settings(IOT_INGEST=changed):
            assert all(str(message) and message.hint for message in messages(deploy=True))


@pytest.mark.parametrize("key", sorted(declared()))
def test_no_check_raises_over_a_value_without_repr(settings: Any, key: str) -> None:
    for value in (Unshowable(), [Unshowable()], {Unshowable(): Unshowable()}):
        configure(settings, **{key: value})
        assert all(map(str, messages(deploy=True)))
    settings.IOT_INGEST = {Unshowable(): 1}
    assert "E002" in ids()


def test_a_value_is_shown_in_short() -> None:
    assert show("x" * 1000) == "'" + "x" * 99 + "…"
    assert show(Unshowable()) == "<Unshowable>"
    assert show("a\nb\udc80") == r"'a\nb\udc80'"


def test_an_exception_is_described_in_one_line() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert describe(ImportError("no\nmodule \udc80")) == r"ImportError: no module \udc80"
    assert describe(Broken()) == "Broken: (no text)"
