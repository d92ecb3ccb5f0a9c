"""JSON files of a schema 1.y: what a later minor version added is left out, and can be named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ...datasets.errors import InputError, told_of
from ...datasets.json_text import parse_object, read_regular
from ...plain import shown
from ..result import told_by_text

M = TypeVar("M", bound=BaseModel)
_READ = re.compile("1[.](0|[1-9][0-9]{0,5})")
READS = "1.x"


def read_as(model: type[M], path: Path, ours: str, what: str) -> tuple[M, list[str]]:
    """Read a file of schema 1.y.

    Parameters
    ----------
    model : type
        What the file holds in the schema ``ours``.
    what : str
        What it is called in an error.

    Returns
    -------
    found : model
    added : list of str
        Places of the keys that a later schema has and this one does not know; they are left out.

    Raises
    ------
    InputError
        It cannot be read, is of another schema or of none, or holds something else. In a file of the schema
        ``ours`` itself a key that it does not know is an error.
    """
    content = read_regular(path)
    found = parse_object(content, path)
    if "schema_version" not in found:
        raise InputError(f"{path}: no schema_version; this fairweigh reads schema {READS}")
    version = found["schema_version"]
    if not isinstance(version, str) or not _READ.fullmatch(version):
        told = f"written by a fairweigh of schema {shown(version)}; this one reads schema"
        raise InputError(f"{path}: {told} {READS}")
    try:
        if version == ours:
            return model.model_validate_json(content, context=told_by_text(found, len(content))), []
        return _later(model, found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = shown(".".join(map(str, first["loc"])))[1:-1]
        parts = (f"not {what} of schema {version}", place, told_of(first["type"], first["msg"]))
        raise InputError(f"{path}: {' '.join(': '.join(filter(None, parts)).split())}") from None


def _later(model: type[M], found: dict[str, Any]) -> tuple[M, list[str]]:
    try:
        return _read(model, found), []
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        added = [fault["loc"] for fault in faults if fault["type"] == "extra_forbidden"]
        if len(added) < len(faults):
            raise
        for place in added:
            _remove(found, place)
        return _read(model, found), [".".join(map(str, place)) for place in added]


def _read(model: type[M], found: dict[str, Any]) -> M:
    content = json.dumps(found)
    return model.model_validate_json(content, context=told_by_text(found, len(content)))


def _remove(found: Any, place: tuple[int | str, ...]) -> None:
    """Take a key out; of a union pydantic names the member too, which is no key."""
    *steps, last = place
    for step in steps:
        if isinstance(found, list):
            found = found[int(step)]
        elif step in found:
            found = found[step]
    del found[last]
