"""Where the scores of a variant can be cut: the places that a slider has, that of the audit among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..audit.figures.held import is_probability
from ..audit.result import Variant
from ..metrics.counts import DECISION
from ..metrics.intervals import Floats
from ..tasks.cases import SCORE

PLACES = 200
"""Steps of a slider, besides the audited thresholds."""
TAIL = 0.005
"""Share of the scores beyond either end of a slider that does not span all of them."""
WIDE = 0.25
"""Probabilities that spread over less are cut where they are, and not over all of 0 to 1."""


@dataclass(frozen=True)
class Seen:
    """What is kept of a variant's scores, and how they became decisions.

    Attributes
    ----------
    lowest : float
    ends : pair of float
        Quantiles between which nearly all scores lie.
    values : float array or None
        The distinct scores, where they are few.
    probability : bool
        Whether scores are probabilities.
    threshold : float or None
        What selects exactly the selected rows; None where no threshold does.
    told : bool
        Whether the model said so, else it was found from the rows.
    """

    lowest: float
    ends: tuple[float, float]
    values: Floats | None
    probability: bool
    threshold: float | None
    told: bool


@dataclass(frozen=True)
class Cuts:
    """Ascending thresholds, the first of which selects every row; a row is in the bin of the last it reaches.

    Attributes
    ----------
    thresholds : float array of shape (places,)
    audited : mapping of str to int
        Where each variant's own threshold stands among them.
    """

    thresholds: Floats
    audited: Mapping[str, int]

    def bins(self, score: Floats) -> NDArray[np.int64]:
        """The bin of each score: a threshold selects the bins from its own place on."""
        return np.searchsorted(self.thresholds, score, side="right").astype(np.int64) - 1


def seen(columns: Sequence[Mapping[str, NDArray[Any]]], variant: Variant) -> Seen | None:
    """Look at a variant's scores, batch by batch; None where it has none."""
    if not columns or SCORE not in columns[0] or DECISION not in columns[0]:
        return None
    score = np.concatenate([np.asarray(batch[SCORE], float) for batch in columns])
    selected = np.concatenate([np.asarray(batch[DECISION], bool) for batch in columns])
    if not len(score):
        return None
    told = variant.model.threshold
    threshold = None if told is None else float(told)
    if threshold is None and not variant.model.needs:
        threshold = _found(score, selected)
    if threshold is not None and not np.array_equal(score >= threshold, selected):
        threshold = None
    low, high = np.quantile(score, (TAIL, 1 - TAIL))
    values = np.unique(score)
    return Seen(
        float(values[0]), (float(low), float(high)), values if len(values) <= PLACES else None,
        is_probability(variant.model.told), threshold, told is not None,
    )  # fmt: skip


def _found(score: Floats, selected: NDArray[np.bool_]) -> float | None:
    """A threshold that parts the selected rows from the others: one half where it does, else the lowest."""
    low = float(score[~selected].max(initial=-np.inf))
    high = float(score[selected].min(initial=np.inf))
    if low >= high:
        return None
    if low < 0.5 <= high:
        return 0.5
    return high if np.isfinite(high) else float(np.nextafter(low, np.inf))


def cuts(variants: Mapping[str, Seen], places: int = PLACES) -> list[Cuts]:
    """Cut the scores of some variants: those of probabilities at the same places, others each at its own."""
    same = {name: one for name, one in variants.items() if one.probability}
    groups = [same] if same else []
    groups += [{name: one} for name, one in variants.items() if not one.probability]
    return [_cut(group, _places(list(group.values()), places)) for group in groups]


def _cut(group: Mapping[str, Seen], places: Floats) -> Cuts:
    own = {name: one.threshold for name, one in group.items() if one.threshold is not None}
    lowest = min(one.lowest for one in group.values())
    thresholds = np.union1d(places, list(own.values()))
    if thresholds[0] > lowest:
        thresholds = np.append(lowest, thresholds)
    return Cuts(thresholds, {name: int(np.searchsorted(thresholds, at)) for name, at in own.items()})


def _places(group: Sequence[Seen], places: int) -> Floats:
    low, high = min(one.ends[0] for one in group), max(one.ends[1] for one in group)
    if group[0].probability:
        if high - low >= WIDE:
            return np.arange(places + 1) / places
        return np.union1d(np.linspace(low, high, places - 1), [0.0, 1.0])
    values = group[0].values
    return values if values is not None and len(values) <= places else np.linspace(low, high, places)
