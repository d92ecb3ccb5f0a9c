"""Which class is positive, so that label, decision and score speak of the same thing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...datasets.columns import words
from . import names
from .found import NOT_USED, Roles
from .values import needs_positive, positive_values

GRANTED = ("1", "2", "8")
"""Codes of ``action_taken`` in tables of the Home Mortgage Disclosure Act: originated or approved."""
OPPOSED = 0.05
"""Correlation from which a score and a class point in opposite directions, where it is negative."""
CHANCE = 3
"""Standard errors that chance alone does not reach."""


@dataclass(frozen=True)
class Side:
    """The positive values of a column of classes, and what tells so.

    Attributes
    ----------
    positive, negative : list of str
    said : bool
        The column must be told: it does not hold 1/0 or true/false, or 0 is positive here.
    meaning : str or None
        'good' or 'bad' for the person or the world, by the words; None where none tells.
    why : str
        What to check.
    """

    positive: list[str]
    negative: list[str]
    said: bool
    meaning: str | None
    why: str

    def turned(self, why: str) -> Side:
        """The other class as the positive one."""
        other = {"good": "bad", "bad": "good"}.get(str(self.meaning))
        return Side(self.negative, self.positive, True, other, why)


def find_sides(
    found: Roles, table: pa.Table, spelled: Mapping[str, Sequence[str]]
) -> tuple[Side | None, Side | None]:
    """Return the sides of label and decision; a score that speaks of a decision's opposite is given up.

    Parameters
    ----------
    spelled : mapping of str to sequence of str
        Values of label and decision as the audit reads them.
    """
    label = _side(found.label, names.OUTCOME, spelled)
    decision = _side(found.decision, names.DECISION, spelled)
    if label and decision and {label.meaning, decision.meaning} == {"good", "bad"}:
        why = "turned, so that label and decision are positive for the same"
        label, decision = (
            (label.turned(why), decision) if label.meaning == "bad" else (label, decision.turned(why))
        )
    if found.score:
        known = decision or label
        column = found.decision or found.label
        if known and column and _opposed(found.score, known, table, column):
            if decision is None:
                why = f"turned: {found.score!r} is high where the other class is likely"
                label = known.turned(why) if len(known.negative) else known
            else:
                why = f"CHECK: a score, but high where {found.decision!r} is not positive: of the opposite"
                found.give(found.score, NOT_USED, why)
                found.score = None
    return label, decision


def _side(name: str | None, pattern: object, spelled: Mapping[str, Sequence[str]]) -> Side | None:
    if name is None:
        return None
    values = list(spelled[name])
    said = needs_positive(values)
    if said and names.joined(name) == "action taken" and (taken := [v for v in values if v in GRANTED]):
        positive, sure = sorted(taken), True
    elif said:
        positive, sure = positive_values(values)
    else:
        positive, sure = [v for v in values if v.lower() in ("1", "true")], True
    negative = sorted(v for v in values if v not in positive)
    return Side(positive, negative, said, _meaning(name, positive, negative), "" if sure else "a guess")


def _meaning(name: str, positive: Sequence[str], negative: Sequence[str]) -> str | None:
    for pattern in (names.OUTCOME, names.DECISION):
        for value in positive:
            told = names.good_or_bad(pattern, value)
            if told in ("good", "bad"):
                return told
    for pattern in (names.DECISION, names.OUTCOME):
        told = names.good_or_bad(pattern, name)
        if told in ("good", "bad"):
            return told
    return None


def _opposed(score: str, side: Side, table: pa.Table, column: str) -> bool:
    """Whether a high score goes with the other class: by the words where both tell, else by the rows."""
    meaning = names.score_meaning(score)
    if meaning and side.meaning:
        return meaning != side.meaning
    least = max(OPPOSED, CHANCE / math.sqrt(max(len(table), 1)))
    found = _correlation(table.column(score), table.column(column), side.positive)
    return found < (least if names.other_class(score) else -least)


def _correlation(score: pa.ChunkedArray, column: pa.ChunkedArray, positive: Sequence[str]) -> float:
    encoded = words(column)
    chosen = np.array(
        [_number(v) in {_number(p) for p in positive} for v in encoded.dictionary.to_pylist()], bool
    )
    known = encoded.indices.is_valid().to_numpy(zero_copy_only=False)
    held: NDArray[np.bool_] = chosen[encoded.indices.fill_null(0).to_numpy()]
    values = score.cast(pa.float64(), safe=False).to_numpy()
    known = known & np.isfinite(values)
    if not known.any() or held[known].all() or not held[known].any() or np.ptp(values[known]) == 0:
        return 0.0
    return float(np.corrcoef(values[known], held[known])[0, 1])


def _number(text: str) -> str:
    """One spelling of '1' and '1.0': a sample and an audit may read a column differently."""
    try:
        return f"{float(text):g}"
    except ValueError:
        return text.lower()
