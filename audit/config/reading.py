"""The configuration ``audit.yaml``: read, overridden, validated, one clear line when it is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError
from ruamel.yaml.error import YAMLError

from ...datasets.errors import InputError
from ...datasets.memory import PLACE
from ...guests import load
from ...plain import MOST_YAML_BYTES, from_yaml, read_bounded
from ..masked import masked
from .model import replaced
from .problems import first_problem
from .whole import Config


def read(
    source: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    rows_given: bool = False,
    model: Mapping[str, Any] | None = None,
    variants: Sequence[Mapping[str, Any]] = (),
    option: str = "overrides",
) -> Config:
    """Read and validate a configuration.

    Parameters
    ----------
    source : path or mapping
        An ``audit.yaml``, or its content.
    overrides : sequence of str
        ``key.path=value`` settings, applied on top; values are read as YAML.
    rows_given : bool
        Rows come from Python: ``data`` needs to name no file.
    model : mapping, optional
        What a model from Python is; it takes the place of what says where the configured one comes from.
    variants : sequence of mapping
        Variants from Python, behind those of the configuration.
    option : str
        What the overrides are called where they were given.

    Raises
    ------
    InputError
        One line with the file, the key's path, what was expected and what came; or a guest breaks.
    """
    load()
    where = "" if isinstance(source, Mapping) else f"{source}: "
    try:
        content = deepcopy(dict(source)) if isinstance(source, Mapping) else load_yaml(Path(source))
        for setting in overrides:
            override(content, setting, option)
        data = content.get("data")
        if rows_given and isinstance(data, Mapping) and not {"name", "path"} & set(data):
            content["data"] = {**data, "path": PLACE}
        if model is not None:
            content["model"] = replaced(content.get("model"), model)
        if variants:
            content["variants"] = [*(content.get("variants") or []), *map(dict, variants)]
        return Config.model_validate(as_yaml(content))
    except UnicodeDecodeError as error:
        raise InputError(f"{where}expected valid unicode, got half of a character: {error.reason}") from None
    except ValidationError as error:
        raise InputError(where + masked(first_problem(error, Config))) from None
    except RecursionError:
        raise InputError(f"{where}nested beyond reason, or inside itself") from None


def as_yaml(content: Any) -> Any:
    """Return what Python gives as a YAML file would: numpy's numbers are plain, and every sequence is a list.

    Two escapes of JSON that are one character, which YAML reads as two, are brought together.

    Raises
    ------
    UnicodeDecodeError
        One of them is alone.
    """
    if isinstance(content, str):
        return content.encode("utf-16", "surrogatepass").decode("utf-16")
    if isinstance(content, np.generic | np.ndarray):
        return as_yaml(content.tolist())
    if isinstance(content, Mapping):
        return {as_yaml(key): as_yaml(value) for key, value in content.items()}
    return [as_yaml(value) for value in content] if isinstance(content, list | tuple) else content


def load_yaml(path: Path, keys: str = "audit, data, model, gates") -> dict[str, Any]:
    """Read a file that holds one mapping; InputError where it does not."""
    try:
        text = read_bounded(path, MOST_YAML_BYTES, regular=False).decode()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    try:
        content = from_yaml(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "cannot be parsed"
        raise InputError(f"{path}: not valid YAML{place}: {' '.join(str(problem).split())}") from None
    except ValueError as error:
        # A scalar that is no such date or number, or what is nested beyond all bounds.
        told = _no_such_day(text) or f"not valid YAML: {error}"
        raise InputError(f"{path}: {told}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a mapping with the keys {keys} ...")
    return content


def _no_such_day(text: str) -> str | None:
    """Name the first day or time of a YAML text that does not exist, such as 2026-02-30; None without one."""
    written = r"(?<![\w-])(\d{4})-(\d\d?)-(\d\d?)(?:[Tt ]+(\d\d?):(\d\d):(\d\d))?"
    for number, line in enumerate(text.splitlines(), start=1):
        for found in re.finditer(written, line):
            try:
                datetime(*(int(part) for part in found.groups() if part is not None))  # type: ignore[arg-type]
            except ValueError as error:
                place = f" in line {number}" if "\n" in text.strip() else ""
                return (
                    f"{found[0]}{place} is no day that exists ({error}); expected a date, or text in quotes"
                )
    return None


def override(content: dict[str, Any], setting: str, option: str) -> None:
    """Put ``key.path=value``, given to an option, into a content; the value is read as YAML."""
    key, sign, text = setting.partition("=")
    steps = key.strip().split(".")
    if not sign or not all(steps):
        raise InputError(f"{option}: expected key.path=value, got {masked(setting)!r}")
    try:
        # A limit, ">= 0.8": in YAML the sign begins a text of several lines, which no option has.
        value = text if text.lstrip().startswith(">") and "\n" not in text else from_yaml(text)
    except (YAMLError, ValueError):
        if told := _no_such_day(text):
            raise InputError(f"{option} {key}: {told}") from None
        raise InputError(f"{option} {key}: the value is not valid YAML: {masked(text)!r}") from None
    place: Any = content
    for i, step in enumerate(steps):
        last = i == len(steps) - 1
        try:
            if isinstance(place, list):
                index = int(step)
                place[index] = value if last else place[index]
                place = place[index]
            elif last:
                place[step] = value
            else:
                place = place.setdefault(step, {})
        except (ValueError, IndexError, AttributeError, TypeError):
            raise InputError(
                f"{option}: no place {'.'.join(steps[: i + 1])!r} in the configuration"
            ) from None


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``audit.yaml``."""
    load()
    return Config.model_json_schema()
