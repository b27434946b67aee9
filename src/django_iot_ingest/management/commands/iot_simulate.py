"""``manage.py iot_simulate``: a fleet of stations that reports to a URL, as a gateway would."""

from __future__ import annotations

import argparse
import json
import os
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TextIO, cast
from urllib.parse import urljoin

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.db import DatabaseError
from django.urls import NoReverseMatch, reverse

from django_iot_ingest import conf, signing
from django_iot_ingest.simulator import options as choices
from django_iot_ingest.simulator import probe, rentals, screen
from django_iot_ingest.simulator.chaos import OVERTAKING
from django_iot_ingest.simulator.line import Bearers, Line, LogIns, OneToken
from django_iot_ingest.simulator.options import Options, Rentals, Slots, Unusable
from django_iot_ingest.simulator.runner import Runner
from django_iot_ingest.simulator.summary import FAILED, INTERRUPTED, UNUSABLE, Summary

DEFAULT_PATH = "/api/internal/stations/data"
TOKEN_VARIABLE, PASSWORD_VARIABLE = "IOT_TOKEN", "IOT_PASSWORD"


class Command(BaseCommand):
    """Exit code 0 only if everything was answered as it should be, and the tables agree."""

    help = "Simulate a fleet of stations and their gateway against a URL of this project."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the size of the fleet, its pace, its chaos and its way in."""
        add = parser.add_argument
        add("--url", required=True, help="of the server, or of the endpoint")
        add("--stations", type=int, default=20, help="how many (20)")
        add(
            "--slots",
            type=_read(Slots.parse),
            default=Slots(None),
            help="4 to 48, or mixed (mixed)",
        )
        add("--rate", type=float, help="events a second of the whole fleet (stations/10)")
        add("--seconds", type=float, help="how long (60, unless --events is given)")
        add("--events", type=int, help="how many events")
        add(
            "--rentals",
            type=_read(Rentals.parse),
            help="rent through this project's models: 30 (a minute) or 10%% (of the events)",
        )
        add("--rent", default="", help="dotted path of callable(power_bank) that rents a bank")
        add("--seed", type=int, help="the same seed is the same fleet (random)")
        add("--threads", type=int, default=choices.DEFAULT_THREADS, help="of the gateway (8)")
        add("--chaos", action="append", default=[], help="kinds, separated by commas, or all")
        add("--prefix", default=choices.DEFAULT_PREFIX, help="of serial numbers (SIM-)")
        add("--token", help=f"bearer token ({TOKEN_VARIABLE} of the environment)")
        add("--login", help=f"URL of the log-in; the password is {PASSWORD_VARIABLE}")
        add("--email", help="who logs in")
        add("--json", help="file for the summary")
        add("--keep-going", action="store_true", help="do not end at the first fault")
        add(
            "--verify",
            action=argparse.BooleanOptionalAction,
            help="compare with this project's tables (by default if there are rentals)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it, and print the summary; the exit code says whether all came true."""
        try:
            with ExitStack() as stack:
                summary = self.simulate(options, stack)
        except Unusable as error:
            raise CommandError(str(error), returncode=UNUSABLE) from None
        except DatabaseError as error:
            text = f"the tables of this project failed: {type(error).__name__}"
            raise CommandError(text, returncode=FAILED) from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted.", returncode=INTERRUPTED) from None
        if summary.exit_code:
            told = ", ".join(summary.problems)
            text = "Interrupted." if summary.is_interrupted else f"Failed: {told}."
            raise CommandError(text, returncode=summary.exit_code)

    def simulate(self, said: dict[str, Any], stack: ExitStack) -> Summary:
        """Run a fleet and tell what it was; ``Unusable`` if it cannot be begun."""
        options = _options(said)
        line = Line(choices.endpoint(said["url"], default_path()), _secret(), _bearers(said))
        rent = rentals.find(said["rent"]) if options.rentals else None
        is_verified = (rent is not None) if said["verify"] is None else said["verify"]
        file = stack.enter_context(_writable(said["json"])) if said["json"] else None
        notes = probe.check(line, options.threads)
        if is_verified and conf.is_deferred():
            options, calmed = choices.without(options, OVERTAKING)
            notes += [f"{kind} is left out: the drain has an order of its own" for kind in calmed]
        runner = Runner(options, line, rent=rent, is_deferred=conf.is_deferred())
        watch = runner.watch() if rent or is_verified else None
        with screen.progress(_stream(self.stderr), said["verbosity"]) as shown:
            runner.run(shown)
        summary = runner.summary(notes)
        if watch and is_verified and not summary.is_interrupted:
            summary.differences = watch.differences(
                runner.expectation, is_deferred=runner.is_deferred
            )
        screen.tell(_stream(self.stdout), summary.sections())
        if file:
            json.dump(summary.as_json(), file, indent=2, ensure_ascii=False)
            file.write("\n")
        return summary


def default_path() -> str:
    """Return the endpoint's path in this project's URLconf, or the one that gateways know."""
    try:
        return reverse("django_iot_ingest:station-data")
    except NoReverseMatch:
        return DEFAULT_PATH


def _stream(wrapper: OutputWrapper) -> TextIO:
    """Return what Django's wrapper writes to: it would end each piece with a line end."""
    return cast(TextIO, wrapper._out)


def _read(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a type for argparse that says what is wrong, in the words of ``parse``."""

    def read(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _options(said: dict[str, Any]) -> Options:
    names = [name for text in said["chaos"] for name in text.split(",") if name]
    is_endless = said["seconds"] is None and said["events"] is None
    return choices.checked(
        Options(
            stations=said["stations"],
            slots=said["slots"],
            rate=choices.default_rate(said["stations"]) if said["rate"] is None else said["rate"],
            seconds=choices.DEFAULT_SECONDS if is_endless else said["seconds"],
            events=said["events"],
            rentals=said["rentals"],
            seed=secrets.randbelow(10**6) if said["seed"] is None else said["seed"],
            threads=said["threads"],
            chaos=choices.chaos_named(names),
            prefix=said["prefix"],
            keep_going=said["keep_going"],
        )
    )


def _secret() -> str:
    """Return the project's current secret, which signs what is sent."""
    known = conf.signature_secrets()
    if not known or not signing.is_key(known[0]):
        raise Unusable("IOT_INGEST['SIGNATURE_SECRETS'] holds no secret to sign with")
    return known[0]


def _bearers(said: dict[str, Any]) -> Bearers:
    """Return where tokens come from: somebody's, or a log-in's."""
    if said["login"]:
        password = os.environ.get(PASSWORD_VARIABLE, "")
        if not said["email"] or not password:
            raise Unusable(f"--login needs --email, and {PASSWORD_VARIABLE} in the environment")
        return LogIns(urljoin(said["url"], said["login"]), said["email"], password)
    token = said["token"] or os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        raise Unusable(
            f"no bearer token: say --token, set {TOKEN_VARIABLE}, or say --login and --email"
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise Unusable("the bearer token has a character that no header can hold")
    return OneToken(token)


def _writable(path: str) -> TextIO:
    try:
        return open(path, "w", encoding="utf-8")
    except OSError as error:
        raise Unusable(f"--json {path!r} cannot be written: {error.strerror}") from None
