"""What two runs differ in: every key of their configurations, their data and their models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..result import Difference
from .finished import Finished

MOST = 200
"""Characters of a value."""
OF_THE_DATA = ("rows", "sha256", "split")
OF_THE_MODEL = ("sha256", "training_sha256")


def differences(before: Finished, after: Finished) -> list[Difference]:
    """List what differs, by key, after the checksums of the data, which are told in any case.

    A gate, a variant or another item of a list that one run alone has is one difference, with what it says.
    """
    one, other = _facts(before), _facts(after)
    data = "data (sha256)"
    first = Difference(key=data, before=_text(one[data]), after=_text(other[data]))
    return [first, *(item for item in _differing(one, other, "") if item.key != data)]


def _facts(run: Finished) -> dict[str, Any]:
    data, model = run.result.data, run.original.model
    found = {f"data ({key})": getattr(data, key) for key in OF_THE_DATA}
    found |= {f"model ({key})": getattr(model, key) for key in OF_THE_MODEL}
    found |= {"fairweigh": run.result.environment.fairweigh}
    found |= {f"package {name}": version for name, version in run.result.environment.packages.items()}
    return found | run.result.configuration


def _differing(one: Any, other: Any, path: str) -> Iterator[Difference]:
    """The leaves in which two configurations differ, under their paths; an empty part has none."""
    if isinstance(one, dict) or isinstance(other, dict):
        yield from _of_keys(_mapping(one), _mapping(other), path)
    elif _is_items(one) or _is_items(other):
        yield from _of_items(_list(one), _list(other), path)
    elif _text(one) != _text(other):
        yield Difference(key=path, before=_text(one), after=_text(other))


def _of_keys(one: Mapping[str, Any], other: Mapping[str, Any], path: str) -> Iterator[Difference]:
    for key in {**one, **other}:
        yield from _differing(one.get(key), other.get(key), f"{path}.{key}" if path else str(key))


def _of_items(one: Sequence[Any], other: Sequence[Any], path: str) -> Iterator[Difference]:
    """Items of the same name are held against each other; others are told whole."""
    mine, theirs = _named(one), _named(other)
    for name in {**mine, **theirs}:
        where = f"{path}[{name}]"
        if name in mine and name in theirs:
            yield from _differing(mine[name], theirs[name], where)
        else:
            yield Difference(key=where, before=_summary(mine.get(name)), after=_summary(theirs.get(name)))


def _named(items: Sequence[Any]) -> dict[str, Any]:
    """Items by their names; a gate without one is called by what it asks, other things by their place."""
    out: dict[str, Any] = {}
    for place, item in enumerate(items):
        name = str(_name(item) or place)
        out[name if name not in out else f"{name} {place}"] = item
    return out


def _name(item: Any) -> Any:
    if not isinstance(item, dict):
        return None
    asked = item.get("metric") or item.get("cost")
    by = item.get("by") or []
    features = " x ".join(map(str, by if isinstance(by, list) else [by]))
    parts = [asked, features and f"by {features}", item.get("compare")]
    return item.get("id") or item.get("name") or " ".join(str(part) for part in parts if part)


def _is_items(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _summary(item: Any) -> str | None:
    """An item in few words: the keys that say something."""
    if not isinstance(item, dict):
        return _text(item)
    said = {key: value for key, value in item.items() if value is not False and _text(value) is not None}
    return _cut(", ".join(f"{key}: {_text(value)}" for key, value in said.items()))


def _text(value: Any) -> str | None:
    if value in (None, [], {}):
        return None
    return _cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= MOST else text[: MOST - 3] + "..."
