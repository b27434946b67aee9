"""``commands.md``: the arguments of every ``iot_*`` command, as argparse knows them."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

from tests.reference.markdown import code, first_paragraph, table


def names() -> list[str]:
    """Return the plugin's commands."""
    return sorted(name for name, app in get_commands().items() if app == "django_iot_ingest")


def parts() -> dict[str, str]:
    """Return a part for each command: what it says of itself, and its arguments."""
    return {name: section(name) for name in names()}


def section(name: str) -> str:
    """Return help, notes and arguments of one command."""
    command = load_command_class("django_iot_ingest", name)
    rows = [row(action) for action in own_actions(name)]
    said = [command.help, first_paragraph(type(command).__doc__)]
    arguments = table(["argument", "default", ""], rows) if rows else "No arguments of its own."
    return "\n\n".join([*said, arguments])


def own_actions(name: str) -> list[argparse.Action]:
    """Return what a command can be told beside what every command of Django's can."""
    parser = load_command_class("django_iot_ingest", name).create_parser("manage.py", name)
    common = {one.dest for one in BaseCommand().create_parser("manage.py", name)._actions}
    return [one for one in parser._actions if one.dest not in common]


def row(action: argparse.Action) -> list[str]:
    """Return an argument's name, default and help."""
    told = action.metavar or action.dest.upper()
    if action.option_strings:
        is_flag = action.nargs == 0
        name = " or ".join(action.option_strings) + ("" if is_flag else f" {told}")
    else:
        name = f"[{action.dest}]" if action.nargs in ("?", "*") else action.dest
    said = (action.help or "").replace("%%", "%")
    if action.choices:
        said = ", ".join([said, *map(code, action.choices)]).lstrip(", ")
    if action.required and action.option_strings:
        said += "; has to be given"
    return [code(name), default(action), said]


def default(action: argparse.Action) -> str:
    """Return a default worth telling, as code."""
    value: Any = action.default
    is_plain = isinstance(value, int | float | str) and not isinstance(value, bool)
    return code(value) if is_plain and value != argparse.SUPPRESS else ""
