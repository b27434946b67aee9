"""Markdown, and what code says of itself: docstrings, also of attributes, and signatures."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, fields
from typing import Any


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; a bar inside a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"|{'|'.join(map(padded, line))}|" for line in lines)


def padded(cell: object) -> str:
    """Return the text of a cell between blanks; one blank alone for none."""
    text = str(cell).replace("|", "\\|")
    return f" {text} " if text else " "


def code(value: object) -> str:
    """Return a value as code; nothing for an empty text."""
    return f"`{value}`" if value != "" else ""


def prose(docstring: str | None) -> str:
    """Return a docstring as Markdown, each paragraph on one line."""
    paragraphs = inspect.cleandoc(docstring or "").replace("``", "`").split("\n\n")
    return "\n\n".join(" ".join(part.split()) for part in paragraphs)


def first_paragraph(docstring: str | None) -> str:
    """Return a docstring's first paragraph, as Markdown."""
    return prose(docstring).partition("\n\n")[0]


def attribute_docs(owner: Any) -> dict[str, str]:
    """Return the docstring below each attribute of a class, as Markdown, by its name."""
    (node,) = ast.parse(inspect.getsource(owner)).body
    assert isinstance(node, ast.ClassDef)
    found = {}
    for one, after in zip(node.body, node.body[1:], strict=False):
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            target = (
                one.target if isinstance(one, ast.AnnAssign) else getattr(one, "targets", [0])[0]
            )
            if isinstance(target, ast.Name):
                found[target.id] = prose(str(after.value.value))
    return found


def signature(function: Any) -> str:
    """Return ``name(argument: type) -> type`` of a method, without ``self``."""
    found = inspect.signature(function)
    own = [one for name, one in found.parameters.items() if name not in ("self", "cls")]
    text = str(found.replace(parameters=own)).replace("'", "")
    return f"{function.__name__}{text}".removesuffix(" -> None")


def field_table(dataclass: Any, own: bool = False) -> str:
    """Return a table of a dataclass's fields; only those that it adds, if ``own``."""
    inherited = {name for base in dataclass.__mro__[1:] for name in vars(base).get("__slots__", ())}
    docs = attribute_docs(dataclass)
    rows = [
        [code(one.name), code(one.type), docs.get(one.name, ""), default_of(one)]
        for one in fields(dataclass)
        if not (own and one.name in inherited)
    ]
    header = ["field", "type", "", "default"]
    kept = [i for i in range(4) if i < 2 or any(row[i] for row in rows)]
    return table([header[i] for i in kept], [[row[i] for i in kept] for row in rows])


def default_of(field: Any) -> str:
    """Return the default of a dataclass's field as code."""
    if field.default_factory is not MISSING:
        return code(repr(field.default_factory()))
    if field.default is MISSING:
        return ""
    return code(repr(str(field.default)) if isinstance(field.default, str) else field.default)


def headings(text: str) -> list[str]:
    """Return the code that each heading of a page is about."""
    return re.findall(r"^#{2,3} `(\w+)", text, re.MULTILINE)
