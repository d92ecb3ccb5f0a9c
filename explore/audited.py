"""Figures as they were audited, of metrics that no count by score answers: in every slice, by variant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..audit.result import Estimate, Variant

DIGITS = 6
"""Significant digits of limits, which are drawn and read; values keep all of theirs."""


def slices(variant: Variant, by: Sequence[str]) -> list[dict[str, Any]]:
    """Return all rows and every audited slice: its features, as places in ``by``, and their values."""
    found: list[dict[str, Any]] = [{"by": [], "key": []}]
    for one in variant.slices:
        places = [k for k, feature in enumerate(by) if feature in one.slice]
        found.append({"by": places, "key": [one.slice[by[k]] for k in places]})
    return found


def figures(variant: Variant, metrics: Sequence[str]) -> dict[str, dict[str, list[Any]]]:
    """Return value, limits and rows of each metric in all rows and every slice, in the order of `slices`."""
    parts = [variant.overall, *(one.metrics for one in variant.slices)]
    return {name: _columns([part.get(name) for part in parts]) for name in metrics}


def _columns(of: Sequence[Estimate | None]) -> dict[str, list[Any]]:
    return {
        "value": [None if one is None else one.value for one in of],
        "low": [None if one is None else _short(one.low) for one in of],
        "high": [None if one is None else _short(one.high) for one in of],
        "n": [0 if one is None else one.n for one in of],
        "small": [0 if one is None else int(one.status == "small") for one in of],
        "few": [0 if one is None else int(one.status == "few clusters") for one in of],
    }


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")
