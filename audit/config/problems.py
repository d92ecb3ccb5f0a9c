"""What is wrong with a configuration, in one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import (
    ValidationError,
)

from ...datasets.errors import told_of
from ...plain import shown
from ..unknown import unknown
from .keys import KEPT
from .model import SPECS
from .model_base import ModelSpec
from .section import Section

Problem = Mapping[str, Any]


def first_problem(error: ValidationError, root: Any) -> str:
    """Return the first problem on one line: key path, what was expected, what came.

    Parameters
    ----------
    root : type
        What was read, for a hint at the keys that it knows.
    """
    problems: Sequence[Any] = error.errors(include_url=False, include_context=False)
    first: Problem = problems[0]
    if first["type"] in ("missing", "extra_forbidden"):
        # A key that is missing may stand there under another name; by a wrong name the kind of a model is
        # taken for another, to which right ones do not belong.
        extra = [p for p in problems if p["type"] == "extra_forbidden"]
        strange = (p for p in extra if p["loc"][-1] not in KEPT)
        first = next(strange, first if first["type"] == "extra_forbidden" or not extra else extra[0])
    loc, section = _place(first["loc"], root)
    if first["type"] != "extra_forbidden":
        # A union reports every branch that failed; the innermost named place tells the most.
        loc = [part for part in loc if part not in ("bool", "int", "float", "str") and "[" not in str(part)]
    if first["type"].startswith("union_tag"):
        loc = [*loc, "kind"]
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in loc).lstrip(".")
    message = _told(first, section, problems)
    # An entry of a list is named by the message itself.
    apart = ": " if path and not message.startswith("[") else ""
    return " ".join(f"{path}{apart}{message}".split())


def _told(first: Problem, section: type[Section] | None, problems: Sequence[Problem]) -> str:
    """What was expected and what came."""
    last = first["loc"][-1] if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        foreign = [str(p["loc"][-1]) for p in problems if _beside(p, first) and p["loc"][-1] in KEPT]
        return _unknown_key(str(last), section, sorted(foreign))
    if first["type"].startswith("union_tag"):
        return f"expected one of {', '.join(SPECS)}; got {shown(first['input'].get('kind'))}"
    if first["type"] == "missing":
        if section is None or not issubclass(section, ModelSpec):
            return "this key is required"
        about = section.model_fields[str(last)].description or ""
        return f"a model of kind {section.resolved} needs one: {about[:1].lower()}{about[1:].rstrip('.')}"
    if {"bool_type", "string_type"} <= {p["type"] for p in problems if p["loc"][:-1] == first["loc"][:-1]}:
        # A value of any kind: the first branch, a boolean, is no more what is expected than the others.
        return f"expected one value, such as text or a number, got {shown(first['input'])}"
    message: str = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return message
    return f"{told_of(first['type'], message)}, got {shown(first['input'])}"


def _beside(one: Problem, other: Problem) -> bool:
    """Whether two keys are unknown in one place."""
    return bool(one["type"] == other["type"] and one["loc"][:-1] == other["loc"][:-1])


def _unknown_key(key: str, section: type[Section] | None, foreign: Sequence[str]) -> str:
    """What is meant by a key that a section does not have; with all keys of other kinds, of a model."""
    if section is None:
        return f"unknown key {key!r}"
    if not issubclass(section, ModelSpec):
        return unknown(key, list(section.model_fields), "key")
    if key not in KEPT:
        return unknown(key, list(KEPT), "key")
    told = f"a model of kind {section.resolved} has no {', '.join(foreign)}"
    kinds = [kind for kind, spec in SPECS.items() if set(foreign) <= set(spec.model_fields)]
    if not kinds:
        return told
    *most, last = kinds
    belongs = "it belongs" if len(foreign) == 1 else "they belong"
    return f"{told}; {belongs} to kind: " + (f"{', '.join(most)} or {last}" if most else last)


def _place(loc: Sequence[Any], root: Any) -> tuple[list[Any], type[Section] | None]:
    """The keys that lead to a place, without the kind of a model among them, and the section of the last."""
    keys: list[Any] = []
    found = list(_sections(root))
    for i, part in enumerate(loc):
        if len(found) > 1 and part in SPECS:
            found = [SPECS[part]]
            continue
        keys.append(part)
        if i + 1 < len(loc) and isinstance(part, str):
            field = found[0].model_fields.get(part) if found else None
            found = list(_sections(field.annotation)) if field is not None else []
    return keys, found[0] if found else None


def _sections(annotation: Any) -> Iterator[type[Section]]:
    """The sections that a type speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for inner in get_args(annotation):
        yield from _sections(inner)
