"""Pairs of sentences, of which a model finds one likelier, once or twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..metrics.counts import DECISION
from ..metrics.cube import Cube
from ..metrics.estimators import Need
from ..metrics.intervals import Floats
from ..metrics.joint import AFTER
from ..metrics.rows import Rows
from .cases import Batch, By, Cases
from .choice_cases import KeptPairs, places
from .class_cases import Coded
from .ratios import NAMED, SIDES, Keys, Turned, Units
from .task import Kind, Known, Said

WIN, TIE, LOSS = SHOWN = ("win", "tie", "loss")
"""Whether the sentence of the stereotype is found likelier, neither is, or the other one."""
MARGIN, MEANINGFUL = "margin", "meaningful"
"""Columns: by how much, and the share of the two that are found likelier than the unrelated sentence."""
WHOLE = "pairs"
"""What was asked, where there is one kind of question."""


@dataclass
class Preferred:
    """What of the rows counts in which figure, from the columns of one model."""

    rows: Rows
    side: str = ""

    def _is(self, name: str) -> NDArray[np.bool_]:
        return np.asarray(self.rows.values(self.side + DECISION) == SHOWN.index(name))

    @property
    def _each(self) -> Floats:
        return np.ones(len(self.rows.values(self.side + DECISION)))

    @property
    def wins(self) -> NDArray[np.bool_]:
        """Whether the stereotype is preferred."""
        return self._is(WIN)

    def score(self) -> list[Floats]:
        """Top and bottom of the stereotype score: a tie counts half."""
        return [np.asarray(self._is(WIN) + self._is(TIE) / 2, float), self._each]

    def preference(self) -> list[Floats]:
        """Top and bottom of wins less losses."""
        return [np.asarray(self._is(WIN) * 1.0 - self._is(LOSS), float), self._each]

    def margin(self) -> list[Floats]:
        """By how much the stereotype is likelier, of each pair."""
        return [np.asarray(self.rows.values(self.side + MARGIN), float), self._each]

    def language(self) -> list[Floats]:
        """Top and bottom of the language model score."""
        return [np.asarray(self.rows.values(self.side + MEANINGFUL), float), self._each]


class PairCases(Cases):
    """Pairs that one model scored."""

    def __init__(self, by: By, probability: bool = True) -> None:
        super().__init__(by, probability)
        self.rows = Rows(by)
        self._names = Coded()

    def add(self, batch: Batch) -> Cube:
        """Take a batch; returns its counts."""
        names = [n for n in (DECISION,) if n in batch.names]
        cube = batch.cube(self.by, {n: batch.rows.column(n) for n in names})
        self._cubes.add(cube)
        if names:
            held = {DECISION: places(batch.rows.column(DECISION), SHOWN), MARGIN: batch.number(MARGIN)}
            if MEANINGFUL in batch.names:
                held[MEANINGFUL] = batch.number(MEANINGFUL)
            if batch.cluster is not None:
                held[NAMED] = self._names.codes(batch.cluster)
            self.rows.add(batch.slices, batch.keys, held, batch.weight, batch.cluster)
        return cube

    def gives(self, columns: frozenset[str]) -> frozenset[Need]:
        """What rows with these columns carry: decision, and unrelated where such a sentence was scored."""
        names: dict[Need, str] = {"decision": DECISION, "unrelated": MEANINGFUL}
        return frozenset(need for need, column in names.items() if column in columns)

    @property
    def cube(self) -> Cube:
        """Counts over the slices alone."""
        return self.whole.seen_as(self.by, {})

    def outcomes(self, by: By, keys: Keys) -> list[dict[str, dict[str, int]]]:
        """Pairs of each slice by what they show."""
        counts = np.zeros((len(keys), len(SHOWN)), np.int64)
        np.add.at(counts, (self.rows.owner(by, keys), self.rows.values(DECISION)), 1)
        return [{WHOLE: dict(zip(SHOWN, row, strict=True))} for row in counts.tolist()]

    @property
    def units(self) -> Units | None:
        """The clusters, where they hold several pairs; None where each is a pair by itself."""
        place = self.rows.column(NAMED)
        if place is None or 2 * len(self._names.names) > len(place):
            return None
        return Units(self.rows, list(self._names.names), place)


class PairPairs(KeptPairs):
    """Pairs that two models scored."""

    def add(self, before: Batch, after: Batch) -> None:
        """Take a batch of the same rows in the same order."""
        if DECISION not in before.names or DECISION not in after.names:
            return
        columns = {DECISION: before.rows.column(DECISION), AFTER: after.rows.column(DECISION)}
        self._cubes.add(before.cube(self.by, columns))
        held = {}
        for side, batch in zip(SIDES, (before, after), strict=True):
            held[side + DECISION] = places(batch.rows.column(DECISION), SHOWN)
            held[side + MARGIN] = batch.number(MARGIN)
            if MEANINGFUL in before.names and MEANINGFUL in after.names:
                held[side + MEANINGFUL] = batch.number(MEANINGFUL)
        self._keep(before, held)

    def turned(self) -> Turned | None:
        """Pairs in which the stereotype becomes the likelier sentence, or no longer is."""
        if not self._ids:
            return None
        before, after = (Preferred(self.rows, side).wins for side in SIDES)
        return self._turned(~before & after, before & ~after)


def columns(said: Said, classes: Sequence[str]) -> dict[str, pa.Array]:
    """Columns of what each pair shows, by how much, and of sense preferred to nonsense where scored."""
    if said.decision is None or said.score is None:
        return {}
    codes = pa.array(said.decision, pa.int32())
    found: dict[str, pa.Array] = {
        DECISION: pa.DictionaryArray.from_arrays(codes, pa.array(list(SHOWN), pa.string())),
        MARGIN: pa.array(said.score[:, 0], pa.float64()),
    }
    if said.score.shape[1] > 1:
        found[MEANINGFUL] = pa.array(said.score[:, 1], pa.float64())
    return found


def kind(name: str) -> Kind | None:
    """What stands in a column of predictions."""
    kinds: dict[str, Kind] = {DECISION: "word", MARGIN: "order", MEANINGFUL: "amount"}
    return kinds.get(name)


def written(known: Known) -> list[str]:
    """The columns that every file of predictions has."""
    return [] if known.model is None else [DECISION, MARGIN]
