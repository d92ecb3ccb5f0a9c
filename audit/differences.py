"""What two runs differ in: every key of their configurations, their data and their models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .finished import Finished
from .result import Difference

MOST = 200
"""Characters of a value."""
OF_THE_DATA = ("rows", "sha256", "split")
OF_THE_MODEL = ("sha256", "training_sha256")


def differences(before: Finished, after: Finished) -> list[Difference]:
    """List what differs, by key, after the checksums of the data, which are told in any case."""
    one, other = _facts(before), _facts(after)
    always = ("data (sha256)",)
    keys = [
        *always,
        *(key for key in {**one, **other} if key not in always and one.get(key) != other.get(key)),
    ]
    return [Difference(key=key, before=one.get(key), after=other.get(key)) for key in keys]


def _facts(run: Finished) -> dict[str, str]:
    data, model = run.result.data, run.original.model
    found = {f"data ({key})": getattr(data, key) for key in OF_THE_DATA}
    found |= {f"model ({key})": model.get(key) for key in OF_THE_MODEL}
    found |= {"fairweigh": run.result.environment.fairweigh}
    found |= {f"package {name}": version for name, version in run.result.environment.packages.items()}
    found |= dict(_flat(run.result.configuration, ""))
    return {key: _text(value) for key, value in found.items() if value is not None}


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The leaves of a configuration under their paths, such as ``gates[0].limit``; an empty part has none."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for i, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{i}]")
    elif value not in (None, [], {}):
        yield path, value


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST else text[: MOST - 3] + "..."
