"""Regimes asked for on the command line, of a run that is finished."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...datasets.errors import InputError
from ...guests import load
from ..config import override
from ..result import AuditResult
from ..store.folder import PREDICTIONS
from .base import Wanted, check_task, wanted
from .files import compute, read_regimes, regime_file, text
from .registry import find
from .registry import names as known
from .result import RegimeResult


def with_asked(
    run: Path, result: AuditResult, names: Sequence[str], settings: Sequence[str]
) -> tuple[list[RegimeResult], dict[str, str]]:
    """Return all regimes that a run is to hold, and the new ones as file name to text.

    Parameters
    ----------
    names : sequence of str
        Regimes to compute; one that the run holds already is computed with its new inputs.
    settings : sequence of str
        ``key=value`` inputs, with ``REGIME.`` in front where several are asked for.

    Raises
    ------
    InputError
        A regime or input that does not exist or is missing; or a guest breaks.
    """
    if names:
        load()
    check_tasks(names, result.task)
    chosen = asked(names, settings)
    fresh = compute(chosen, result, run / PREDICTIONS)
    kept = [found for found in read_regimes(run) if found.regime not in [new.regime for new in fresh]]
    texts = {regime_file(found.regime): text(found) for found in fresh}
    return sorted([*kept, *fresh], key=lambda found: found.regime), texts


def check_tasks(names: Sequence[str], task: str) -> None:
    """InputError where a rule is not for the task: nobody is then asked for its inputs."""
    try:
        for name in names:
            check_task(find(name), task)
    except ValueError as error:
        raise InputError(f"--regime: {error}") from None


def asked(names: Sequence[str], settings: Sequence[str]) -> list[Wanted]:
    """Return the regimes of ``--regime NAME`` with their ``--input key=value``.

    Raises
    ------
    InputError
        As `with_asked`.
    """
    if settings and not names:
        raise InputError("--input: there is no --regime to give it to")
    given: dict[str, Any] = {}
    for name in names:
        if name in given:
            raise InputError(f"--regime {name}: named twice")
        given[name] = {}
    for setting in settings:
        name, rest = _addressed(setting, list(given))
        override(given[name], rest, "--input")
    try:
        return [wanted(name, inputs) for name, inputs in given.items()]
    except ValueError as error:
        raise InputError(f"--regime: {error}") from None


def _addressed(setting: str, names: list[str]) -> tuple[str, str]:
    """The regime that an input is for, and the input without that name."""
    first, dot, rest = setting.partition(".")
    if dot and first in names:
        return first, rest
    if len(names) > 1 or (dot and first in known()):
        raise InputError(
            f"--input: expected REGIME.key=value with one of {', '.join(names)}, got {setting!r}"
        )
    return names[0], setting
