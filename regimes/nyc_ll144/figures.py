"""New York City's Local Law 144 of 2021: rates and impact ratios in the form of the rule (6 RCNY 5-301)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...audit.figures.measure import Measurement
from ...audit.regimes.base import Basis
from .categories import HISPANIC, NOT_KNOWN, RACES, SEXES, categories_of
from .inputs import UNDER, NycInputs
from .types import NycLL144, RuleCategory, RuleTable

Key = tuple[str | None, str | None]
"""Sex and race or ethnicity; None where a table does not tell them apart."""

INTERSECTIONS: list[Key] = [
    *((sex, HISPANIC) for sex in SEXES),
    *((sex, race) for sex in SEXES for race in RACES if race != HISPANIC),
]
"""In the order of the rule's table."""


@dataclass
class Tallied:
    """People of a category, and how many were selected or scored above the median."""

    n: int = 0
    reached: int = 0


def figures_of(inputs: NycInputs, basis: Basis) -> NycLL144:
    """Compute the rule's three tables.

    Raises
    ------
    ValueError
        The run has no decisions or scores, or a value has no category.
    """
    measured = basis.measured
    wanted = {"selection": "decision", "scoring": "score"}[inputs.rate]
    if wanted not in measured.gives:
        raise ValueError(f"rate: {inputs.rate} rates need {wanted}s, which the run has not")
    by = (inputs.sex, inputs.race)
    tally = measured.tally(by)
    median = measured.scores.median() if inputs.rate == "scoring" else None
    reached = tally.counts.selected if median is None else _above(measured, by, median)
    cells = _categorised(inputs, tally.keys, tally.counts.n.tolist(), reached.tolist())
    return NycLL144(
        rate=inputs.rate,
        weighted=measured.cube.weights is not None,
        n=sum(cell.n for cell in cells.values()),
        median=median,
        exact=median is None or measured.scores.exact,
        tables=[
            _table("sex", cells, [(sex, None) for sex in SEXES], inputs),
            _table("race", cells, [(None, race) for race in RACES], inputs),
            _table("intersection", cells, INTERSECTIONS, inputs),
        ],
    )


def _above(measured: Measurement, by: Sequence[str], median: float) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Rows above the median in each slice of ``by``, in the order of its tally."""
    table, keys = measured.scores, measured.tally(tuple(by)).keys
    out = np.zeros(len(keys), np.int64)
    np.add.at(out, table.project(by, keys), table.above(median))
    return out


def _categorised(
    inputs: NycInputs, keys: Iterable[Sequence[str]], n: Sequence[int], reached: Sequence[int]
) -> dict[tuple[str, str], Tallied]:
    """People and those who reached, by the rule's sex and race, 'unknown' among both."""
    keys = list(keys)
    sexes = categories_of([k[0] for k in keys], inputs.sex_categories, SEXES, inputs.sex, "sex_categories")
    races = categories_of([k[1] for k in keys], inputs.race_categories, RACES, inputs.race, "race_categories")
    cells: dict[tuple[str, str], Tallied] = {}
    for (sex, race), people, high in zip(keys, n, reached, strict=True):
        cell = cells.setdefault((sexes[sex], races[race]), Tallied())
        cell.n += people
        cell.reached += high
    return cells


def _is_named(key: Key, names: Sequence[str]) -> bool:
    """Whether a category is named itself, or is an intersection of one that is."""
    return ", ".join(filter(None, key)) in names or any(part in names for part in key if part)


def _table(
    name: Literal["sex", "race", "intersection"],
    cells: Mapping[tuple[str, str], Tallied],
    rows: Sequence[Key],
    inputs: NycInputs,
) -> RuleTable:
    """One table of the rule: every category, those without people too."""
    tallied = {row: Tallied() for row in rows}
    unknown = 0
    for (sex, race), cell in cells.items():
        key = (None if name == "race" else sex, None if name == "sex" else race)
        if NOT_KNOWN in key:
            unknown += cell.n
        else:
            tallied[key].n += cell.n
            tallied[key].reached += cell.reached
    total = sum(cell.n for cell in tallied.values())
    named = {key for key in tallied if tallied[key].n and _is_named(key, inputs.exclude)}
    for key in named:
        if tallied[key].n >= UNDER * total:
            raise ValueError(
                f"exclude: {', '.join(filter(None, key))!r} is {tallied[key].n / total:.1%} of the data; the "
                "rule lets categories of less than 2 % be excluded (6 RCNY 5-301(d))"
            )
    below = {key for key, cell in tallied.items() if 0 < cell.n < (inputs.exclude_below or 0.0) * total}
    excluded = named | below
    compared = [cell for key, cell in tallied.items() if cell.n and key not in excluded]
    highest = max((cell.reached / cell.n for cell in compared), default=0.0)
    return RuleTable(
        name=name,
        n=total,
        unknown=unknown,
        categories=[
            RuleCategory(
                sex=key[0],
                race=key[1],
                n=cell.n,
                reached=cell.reached,
                rate=cell.reached / cell.n if cell.n else None,
                share=cell.n / total if total else None,
                named=key in named,
                excluded=key in excluded,
                impact_ratio=cell.reached / cell.n / highest
                if cell.n and highest > 0 and key not in excluded
                else None,
            )
            for key, cell in tallied.items()
        ],
    )
