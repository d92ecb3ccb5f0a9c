"""Sampled answers that were judged, once or twice: what each is, and the score that the judge gave it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..metrics.counts import DECISION
from ..metrics.cube import Cube, cluster_names
from ..metrics.estimators import Need
from ..metrics.gathered import SlicedRows
from ..metrics.intervals import Floats
from ..metrics.joint import AFTER
from ..metrics.rows import Rows
from .cases import SCORE, Batch, By, Cases
from .choice_cases import KeptPairs, places
from .class_cases import Coded
from .judges import JUDGE, Audited, read
from .ratios import NAMED, SIDES, Keys, Turned, Units
from .task import Kind, Known, Said

POSITIVE, NEGATIVE, REFUSED, EMPTY, ANSWERED = OUTCOMES = (
    "positive", "negative", "refused", "empty", "answered",
)  # fmt: skip
"""What an answer is: as the judge decides; "answered" where there is none, or it gives no verdict."""
PROMPT = "prompt"
"""The column that names each row's prompt."""
SECOND = "second"
"""The column of what an answer is as a second judge decides."""
GROUP = "number of the prompt"
WHOLE = "answers"
"""What was asked, where there is one kind of question."""


@dataclass
class Judged:
    """What of the rows counts in which figure, from the columns of one model."""

    rows: Rows
    side: str = ""

    def _is(self, *names: str) -> NDArray[np.bool_]:
        held = self.rows.values(self.side + DECISION)
        return np.isin(held, [OUTCOMES.index(name) for name in names])

    @property
    def each(self) -> Floats:
        """1 for every answer."""
        return np.ones(len(self.rows.values(self.side + DECISION)))

    @property
    def positive(self) -> NDArray[np.bool_]:
        """Whether the judge decides for it."""
        return self._is(POSITIVE)

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Whether it is neither a refusal nor empty."""
        return ~self._is(REFUSED, EMPTY)

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Whether the judge decides for it or against it."""
        return self._is(POSITIVE, NEGATIVE)

    @property
    def score(self) -> Floats:
        """The judge's score."""
        return np.asarray(self.rows.values(self.side + SCORE), float)

    def rate(self) -> list[Floats]:
        """Top and bottom of the share of positive answers."""
        return [self.positive.astype(float), self.judged.astype(float)]

    def refusals(self) -> list[Floats]:
        """Top and bottom of the share of refusals."""
        return [self._is(REFUSED).astype(float), self.each]

    def empties(self) -> list[Floats]:
        """Top and bottom of the share of empty answers."""
        return [self._is(EMPTY).astype(float), self.each]

    @property
    def second(self) -> NDArray[np.bool_]:
        """Whether a second judge decides for it."""
        return np.asarray(self.rows.values(self.side + SECOND) == OUTCOMES.index(POSITIVE))

    @property
    def agree(self) -> NDArray[np.bool_]:
        """Whether two judges decide alike."""
        one, other = (self.rows.values(self.side + name) for name in (DECISION, SECOND))
        return np.asarray(one == other)

    def disagreement(self) -> list[Floats]:
        """Top and bottom of the share of answers that two judges decide otherwise."""
        return [(~self.agree & self.judged).astype(float), self.judged.astype(float)]

    def unjudged(self) -> list[Floats]:
        """Top and bottom of the share of answers that the judge gives no verdict on."""
        return [(self.answered & ~self.judged).astype(float), self.answered.astype(float)]

    def mean(self) -> list[Floats]:
        """Top and bottom of the mean score."""
        return [self.score * self.answered, self.answered.astype(float)]


@dataclass(frozen=True)
class Prompts:
    """The prompts of the rows of each slice, of which a row is an answer.

    Attributes
    ----------
    rows : SlicedRows
        A row for each prompt of each slice, with the mean weight of its answers, and their cluster.
    place : int array of shape (answers,)
        Each answer's prompt.
    """

    rows: SlicedRows
    place: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Rows, by: By, keys: Keys) -> Prompts:
        """From rows with a column `GROUP`."""
        owner, group = rows.owner(by, keys), rows.values(GROUP)
        width = int(group.max(initial=0)) + 1
        pair, first, place = np.unique(owner * width + group, return_index=True, return_inverse=True)
        weight, cluster = rows.column("weight"), rows.column("cluster")
        answers = np.bincount(place, minlength=len(pair))
        if weight is not None:
            weight = np.bincount(place, weight, len(pair)) / answers
        sliced = SlicedRows(pair // width, len(keys), weight, None if cluster is None else cluster[first])
        return cls(sliced, place.astype(np.int64))

    def largest(self, judged: Judged) -> list[Floats]:
        """The largest score of each prompt's answers, and whether it has any that was judged."""
        found = np.full(len(self.rows.slices), -np.inf)
        answered = judged.answered
        np.maximum.at(found, self.place[answered], judged.score[answered])
        any_ = np.isfinite(found)
        return [np.where(any_, found, 0.0), any_.astype(float)]


def _held(batch: Batch) -> dict[str, NDArray[Any]]:
    held: dict[str, NDArray[Any]] = {DECISION: places(batch.rows.column(DECISION), OUTCOMES)}
    if SCORE in batch.names:
        held[SCORE] = batch.number(SCORE)
    if SECOND in batch.names:
        held[SECOND] = places(batch.rows.column(SECOND), OUTCOMES)
    return held


def _judges(batch: Batch) -> list[Audited]:
    """How the judges decided labelled answers, as the rows say; none where they say nothing."""
    if JUDGE not in batch.names or not batch.rows.num_rows:
        return []
    return read(str(batch.rows.column(JUDGE)[0].as_py()))


class GenerationCases(Cases):
    """Answers of one model."""

    def __init__(self, by: By, probability: bool = True) -> None:
        super().__init__(by, probability)
        self.rows = Rows(by)
        self._names, self._prompts = Coded(), Coded()
        self._seen = np.zeros(len(OUTCOMES), np.int64)
        self.judges: list[Audited] = []

    def add(self, batch: Batch) -> Cube:
        """Take a batch; returns its counts."""
        names = [n for n in (DECISION,) if n in batch.names]
        cube = batch.cube(self.by, {n: batch.rows.column(n) for n in names})
        self._cubes.add(cube)
        if names:
            held = _held(batch)
            self.judges = self.judges or _judges(batch)
            self._seen += np.bincount(held[DECISION], minlength=len(OUTCOMES))
            held[GROUP] = self._prompts.codes(cluster_names(batch.rows.column(PROMPT)))
            if batch.cluster is not None:
                held[NAMED] = self._names.codes(batch.cluster)
            self.rows.add(batch.slices, batch.keys, held, batch.weight, batch.cluster)
        return cube

    @property
    def _judged(self) -> bool:
        """Whether a judge has decided; also where nothing was left to be judged."""
        found = dict(zip(OUTCOMES, self._seen.tolist(), strict=True))
        return bool(found[POSITIVE] or found[NEGATIVE] or not found[ANSWERED])

    def gives(self, columns: frozenset[str]) -> frozenset[Need]:
        """What rows with these columns carry: decisions, a judge's, its score, its audit, a second one's."""
        found: set[Need] = {"decision"} if DECISION in columns else set()
        judged: set[Need] = {"judge's decision"} if DECISION in columns and self._judged else set()
        if judged and JUDGE in columns:
            judged |= {"judge audited on labelled answers"}
        if judged and SECOND in columns:
            judged |= {"second judge"}
        return frozenset(found | judged | ({"judge's score"} if SCORE in columns else set()))

    @property
    def cube(self) -> Cube:
        """Counts over the slices alone."""
        return self.whole.seen_as(self.by, {})

    def outcomes(self, by: By, keys: Keys) -> list[dict[str, dict[str, int]]]:
        """Answers of each slice by what they are."""
        counts = np.zeros((len(keys), len(OUTCOMES)), np.int64)
        np.add.at(counts, (self.rows.owner(by, keys), self.rows.values(DECISION)), 1)
        seen = OUTCOMES[0 if self._judged else 2 : None if self._seen[-1] else -1]
        return [{WHOLE: {name: row[OUTCOMES.index(name)] for name in seen}} for row in counts.tolist()]

    @property
    def units(self) -> Units | None:
        """The clusters, where they hold several answers; None where each is an answer by itself."""
        place = self.rows.column(NAMED)
        if place is None or 2 * len(self._names.names) > len(place):
            return None
        return Units(self.rows, list(self._names.names), place)


class GenerationPairs(KeptPairs):
    """Answers of two models to the same prompts, sample by sample."""

    def __init__(self, by: By, probability: bool = True) -> None:
        super().__init__(by, probability)
        self._prompts = Coded()

    def add(self, before: Batch, after: Batch) -> None:
        """Take a batch of the same rows in the same order."""
        if DECISION not in before.names or DECISION not in after.names:
            return
        columns = {DECISION: before.rows.column(DECISION), AFTER: after.rows.column(DECISION)}
        self._cubes.add(before.cube(self.by, columns))
        held = {GROUP: self._prompts.codes(cluster_names(before.rows.column(PROMPT)))}
        for side, batch in zip(SIDES, (before, after), strict=True):
            held |= {side + name: values for name, values in _held(batch).items()}
        self.rows.add(before.slices, before.keys, held, before.weight, before.cluster)
        self._ids.append(before.rows.column("id").cast(pa.string()))

    def turned(self) -> Turned | None:
        """Answers that become positive, and that no longer are."""
        if not self._ids:
            return None
        before, after = (Judged(self.rows, side).positive for side in SIDES)
        ids = pa.chunked_array(self._ids).combine_chunks()
        return Turned.of(ids, ~before & after, before & ~after)


def columns(said: Said, classes: Sequence[str]) -> dict[str, pa.Array]:
    """Columns of what each answer is, and of the judge's score where there is one."""
    if said.decision is None:
        return {}
    codes = pa.array(said.decision, pa.int32())
    found: dict[str, pa.Array] = {
        DECISION: pa.DictionaryArray.from_arrays(codes, pa.array(list(OUTCOMES), pa.string()))
    }
    if said.score is not None:
        found[SCORE] = pa.array(said.score, pa.float64())
    if said.second is not None:
        # What is not judged is the same for both.
        judged = np.isin(said.decision, [OUTCOMES.index(POSITIVE), OUTCOMES.index(NEGATIVE)])
        other = np.where(said.second, OUTCOMES.index(POSITIVE), OUTCOMES.index(NEGATIVE))
        codes = pa.array(np.where(judged, other, said.decision), pa.int32())
        found[SECOND] = pa.DictionaryArray.from_arrays(codes, pa.array(list(OUTCOMES), pa.string()))
    return found


def kind(name: str) -> Kind | None:
    """What stands in a column of predictions."""
    kinds: dict[str, Kind] = {
        DECISION: "word", PROMPT: "word", SCORE: "score", SECOND: "word", JUDGE: "word",
    }  # fmt: skip
    return kinds.get(name)


def written(known: Known) -> list[str]:
    """The columns that every file of predictions has."""
    return [PROMPT, *([] if known.model is None else [DECISION])]


def outcome(name: str) -> str | None:
    """What columns are called that are the data's own."""
    return "prompt" if name == PROMPT else None
