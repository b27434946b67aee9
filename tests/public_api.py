"""The public names with their signatures: tests/public_api.txt, and the tables of docs/reference/api.md.

``python -m tests.public_api --write`` writes both; a test compares them, so that whoever adds, removes
or changes a public name says so. Python's names come from tests/public_names.py.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tests" / "public_api.txt"
PAGE = ROOT / "docs" / "reference" / "api.md"

BEGIN = "<!-- names: written by python -m tests.public_api --write -->\n"
END = "<!-- end of names -->\n"

PACKAGE = "django_iot_ingest"


class Bare(str):
    """A text that a signature shows as it is, without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


class Name(NamedTuple):
    """One public name: where it is listed, what it is called, its shape, and what is said of it."""

    section: str
    name: str
    shape: str = ""
    text: str = ""

    @property
    def line(self) -> str:
        """Return what stands in the list: all of which a change is a change of the API."""
        return f"{self.section}: {self.name}{self.shape}"


def all_names() -> list[Name]:
    """Return every public name, in the order of the page."""
    from tests import public_facts

    return [*python_names(), *public_facts.names()]


def python_names() -> Iterator[Name]:
    """Yield what is imported from the package's modules."""
    from tests.public_names import PUBLIC

    for module_name, names in PUBLIC.items():
        path = ".".join(filter(None, (PACKAGE, module_name)))
        for name, members in names.items():
            found = getattr(import_module(path), name)
            yield described(path, name, found)
            for member in chosen(found, members):
                yield described_member(path, name, found, member)


def described_member(path: str, name: str, found: type, member: str) -> Name:
    """Return a member of a class; one that is declared and has no value has its type."""
    declared = found.__annotations__.get(member)
    if declared is not None:
        default = vars(found).get(member, inspect.Parameter.empty)
        shown = "" if default is inspect.Parameter.empty else f" = {default!r}"
        return Name(path, f"{name}.{member}", f": {declared}{shown}")
    return described(path, f"{name}.{member}", inspect.getattr_static(found, member))


def chosen(found: type, members: tuple[str, ...]) -> Iterator[str]:
    """Yield the public members of a class: those named, or all that the package itself writes."""
    if members != ("*",):
        yield from members
        return
    ours = [base for base in found.__mro__ if base.__module__.startswith(PACKAGE)]
    names = dict.fromkeys(name for base in ours for name in vars(base))
    fields = {field.name for field in dataclasses.fields(found)} if is_data(found) else set()
    yield from (name for name in names if not name.startswith("_") and name not in fields)


def described(path: str, name: str, found: Any) -> Name:
    """Return a name of a module with its shape and the first line of its docstring."""
    found = getattr(found, "func", found)  # tasks, cached properties
    if isinstance(found, property):
        return Name(path, name, shape_of_result(found.fget), first_line(found))
    if isinstance(found, staticmethod | classmethod):
        found = found.__func__
    if isinstance(found, type):
        return Name(path, name, shape_of_class(found), first_line(found))
    if isinstance(found, FunctionType):
        return Name(path, name, shape_of_call(found), first_line(found))
    if type(found).__module__.startswith(("builtins", "typing")):
        return Name(path, name, "" if name == "__version__" else f" = {found!r}")
    return Name(path, name, f": {payload(path, name)}")  # a signal


def payload(path: str, name: str) -> str:
    """Return what a signal tells, by the table in its module's docstring."""
    table = import_module(path).__doc__ or ""
    told = re.search(rf"^``{name}`` +(.+)$", table, re.MULTILINE)
    return told[1].replace("``", "") if told else "nothing is said of it"


def shape_of_class(found: type) -> str:
    """Return what the class is made of: values, fields, or the arguments that it takes."""
    if issubclass(found, enum.Enum):
        return f": {', '.join(str(member.value) for member in found)}"
    if is_data(found) or hasattr(found, "_fields"):
        return shape_of_call(found).removesuffix(" -> None")
    own = vars(found).get("__init__")
    if not isinstance(own, FunctionType):
        return f": {', '.join(base.__name__ for base in found.__bases__)}"
    return shape_of_call(own).removesuffix(" -> None")


def shape_of_call(found: Callable[..., Any]) -> str:
    """Return a signature, the same by every Python: annotations as they are written."""
    signature = inspect.signature(found)
    parameters = [
        one.replace(annotation=written(one.annotation), default=steady(one.default))
        for one in signature.parameters.values()
        if one.name != "self"
    ]
    result = written(signature.return_annotation)
    return str(signature.replace(parameters=parameters, return_annotation=result))


def written(annotation: Any) -> Any:
    """Return an annotation without quotes around it."""
    text = getattr(annotation, "__forward_arg__", annotation)
    return Bare(text) if isinstance(text, str) else annotation


def steady(default: Any) -> Any:
    """Return a default; a function by its name, since its address is another each time."""
    return Bare(default.__qualname__) if inspect.isroutine(default) else default


def shape_of_result(getter: Callable[..., Any] | None) -> str:
    return f": {inspect.signature(getter).return_annotation}" if getter else ""


def is_data(found: type) -> bool:
    return dataclasses.is_dataclass(found)


def first_line(found: Any) -> str:
    """Return the first paragraph of a docstring; an inherited one is somebody else's."""
    own = vars(found).get("__doc__") if isinstance(found, type) else found.__doc__
    return " ".join(inspect.cleandoc(own or "").partition("\n\n")[0].split())


def listing(names: list[Name]) -> str:
    """Return the text of the list."""
    return "".join(f"{name.line}\n" for name in names)


def page(old: str, names: list[Name]) -> str:
    """Return the page with its generated part anew."""
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{''.join(lines(names))}\n{END}{after}"


def lines(names: list[Name]) -> Iterator[str]:
    """Yield the Markdown: a heading for each section, a table of its names."""
    section = ""
    for name in names:
        if name.section != section:
            section = name.section
            title = f"`{section}`" if section.startswith(PACKAGE) else section.capitalize()
            yield f"\n## {title}\n\n| name | |\n|---|---|\n"
        yield f"| `{cell(name.name + name.shape)}` | {cell(name.text, in_code=False)} |\n"


def cell(text: str, *, in_code: bool = True) -> str:
    """Return a text for a cell of a table; double back-quotes are reStructuredText's."""
    text = text if in_code else text.replace("``", "`")
    return text.replace("|", "\\|")


def main() -> None:
    """Write both."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    if sys.argv[1:] != ["--write"]:
        raise SystemExit("usage: python -m tests.public_api --write")
    names = all_names()
    LIST.write_text(listing(names), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), names), encoding="utf-8")


if __name__ == "__main__":
    main()
