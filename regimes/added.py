"""Regimes of guests: entered beside ours, their functions called as a stranger's."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ..audit.regimes.base import Basis, Regime
from ..audit.regimes.registry import enter
from ..audit.regimes.result import RegimeResult
from ..audit.result import AuditResult, Part
from ..datasets.errors import InputError
from ..models.foreign import foreign, one_line


def add(regime: Regime, guest: str) -> None:
    """Enter the regime of a guest: whatever its functions throw is one line that names both."""
    held = _held(regime, f"guest {guest}: the regime {regime.name!r}")
    enter(regime.name, lambda: held)


def _held(regime: Regime, where: str) -> Regime:
    def figures(inputs: Any, basis: Basis) -> Part:
        assert regime.figures is not None
        with foreign(where):
            try:
                return regime.figures(inputs, basis)
            except ValueError as error:
                # What the run cannot give, in the regime's own words.
                raise InputError(one_line(error)) from None

    def pages(found: RegimeResult, result: AuditResult) -> dict[str, str]:
        with foreign(where):
            files = regime.pages(found, result)
            _check_files(files, regime.name)
            return files

    return replace(regime, figures=figures if regime.figures else None, pages=pages)


def _check_files(files: dict[str, str], name: str) -> None:
    """ValueError for a file that is not the regime's to write."""
    own = re.compile(rf"regimes/{name}(\.(?!json$)\w+|/\w[\w.-]*)")
    other = [file for file in files if not own.fullmatch(file)]
    if other or not files:
        raise ValueError(
            f"expected pages regimes/{name}.html or regimes/{name}/..., got {', '.join(other) or 'none'}"
        )
