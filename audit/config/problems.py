"""What is wrong with a configuration, in one line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import (
    ValidationError,
)

from ...datasets.errors import told_of
from ...plain import shown
from ..unknown import unknown
from .section import Section


def first_problem(error: ValidationError, root: type[Section]) -> str:
    """Return the first problem on one line: key path, what was expected, what came.

    Parameters
    ----------
    root : type
        What was read, for a hint at the keys that it knows.
    """
    problems = error.errors(include_url=False, include_context=False)
    # A union reports every branch that failed; the innermost named place tells the most.
    first = problems[0]
    if first["type"] == "missing":
        # A key that is missing may stand there under another name.
        first = next((p for p in problems if p["type"] == "extra_forbidden"), first)
    loc = list(first["loc"])
    if first["type"] != "extra_forbidden":
        loc = [part for part in loc if part not in ("bool", "int", "float", "str") and "[" not in str(part)]
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in loc).lstrip(".")
    if first["type"] == "extra_forbidden":
        known = _keys_at(loc[:-1], root)
        hint = unknown(str(loc[-1]), known, "key") if known else f"unknown key {loc[-1]!r}"
        return " ".join(f"{path}: {hint}".split())
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        message = "this key is required"
    elif {"bool_type", "string_type"} <= {p["type"] for p in problems if p["loc"][:-1] == first["loc"][:-1]}:
        # A value of any kind: the first branch, a boolean, is no more what is expected than the others.
        message = f"expected one value, such as text or a number, got {shown(first['input'])}"
    elif first["type"] != "value_error":
        message = f"{told_of(first['type'], message)}, got {shown(first['input'])}"
    return " ".join((f"{path}: {message}" if path else message).split())


def _keys_at(loc: Sequence[Any], root: type[Section]) -> list[str]:
    """The keys that the configuration knows at a place."""
    model: Any = root
    for part in loc:
        if isinstance(part, int):
            continue
        annotation = str(model.model_fields[part].annotation)
        model = next((s for s in _sections(Section) if re.search(rf"\b{s.__name__}\b", annotation)), None)
        if model is None:
            return []
    return list(model.model_fields)


def _sections(kind: type[Section]) -> list[type[Section]]:
    """A kind of section and all that are of that kind."""
    return [kind, *(part for below in kind.__subclasses__() for part in _sections(below))]
