"""How many rows would decide a gate that these data leave open, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...audit.result import Decided
from .formats import UNDEFINED, Shown, confidence, count
from .language import Sentence, say, tr

CHANCE = 0.8
"""Of a decision at the number of rows that a result names."""
FIGURES = 3
"""Of a number of rows: more would claim a precision that a forecast does not have."""


@dataclass(frozen=True)
class RowsNeeded:
    """What a table's cell says, the line under it, and the same in a sentence; empty where nothing is open.

    ``words`` begin in the middle of a sentence: "about 5,300 rows ({chance} chance, ...)".
    """

    cell: str
    under: str = ""
    words: Sentence = ()


def rows_needed(part: Decided) -> RowsNeeded:
    """Say how many rows would decide; never nothing where a gate, or a slice of it, is open."""
    if part.verdict != "inconclusive":
        return RowsNeeded(UNDEFINED)
    if part.rows_needed is not None:
        return _counted(part.rows_needed, part.rows_needed_halfway, part.needed_of)
    if part.at_no_size:
        return RowsNeeded(
            tr("at no realistic number"),
            "",
            say("at no realistic number: the measured value lies on the limit or too near it"),
        )
    return RowsNeeded(tr("not known"), "", say("not known"))


def _counted(rows: int, halfway: int | None, unit: str | None) -> RowsNeeded:
    about = rounded_up(rows)
    if unit is not None:
        return _of_units(about, None if halfway is None else rounded_up(halfway), unit)
    if halfway is None:
        return RowsNeeded(
            about,
            tr("half-way: at no realistic number"),
            say(
                "about {n} rows ({chance} chance, were the truth as measured); were it half-way to the "
                "limit, at no realistic number",
                n=about,
                chance=confidence(CHANCE),
            ),
        )
    more = rounded_up(halfway)
    return RowsNeeded(
        about,
        tr("half-way: {n}", n=more),
        say(
            "about {n} rows ({chance} chance, were the truth as measured); {more} were it half-way to the "
            "limit",
            n=about,
            more=more,
            chance=confidence(CHANCE),
        ),
    )


def _of_units(about: str, more: str | None, unit: str) -> RowsNeeded:
    """Say how many clusters would decide: more rows of the same ones would not."""
    named = (tr(unit),)
    cell = tr("{n} {unit}", n=about, unit=tr(unit))
    if more is None:
        return RowsNeeded(
            cell,
            tr("half-way: at no realistic number"),
            say(
                "about {n} {unit} ({chance} chance, were the truth as measured); were it half-way to the "
                "limit, at no realistic number",
                n=about, unit=named, chance=confidence(CHANCE),
            ),
        )  # fmt: skip
    return RowsNeeded(
        cell,
        tr("half-way: {n}", n=more),
        say(
            "about {n} {unit} ({chance} chance, were the truth as measured); {more} were it half-way to the "
            "limit",
            n=about, unit=named, more=more, chance=confidence(CHANCE),
        ),
    )  # fmt: skip


def rounded_up(rows: int) -> str:
    """Write a number of rows with three figures, rounded up, so that it is enough."""
    step = 10 ** max(math.floor(math.log10(max(rows, 1))) + 1 - FIGURES, 0)
    return Shown(count(-(-rows // step) * step), rows)
