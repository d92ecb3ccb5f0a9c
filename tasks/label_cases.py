"""Rows of several labels at once: each label is a view, and all cases x labels together are another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..metrics.counts import DECISION, LABEL, Tally
from ..metrics.cube import Cube, Cubes
from ..metrics.estimators import Need
from ..metrics.joint import AFTER
from ..metrics.labels import LabelRows
from ..metrics.paired_scores import PairedScores
from ..metrics.rows import Rows
from ..metrics.scores import ScoreTable
from .cases import CLUSTER, SCORE, WEIGHT, Batch, By, Cases, Pairs
from .task import Kind, Known, Said, Stored
from .views import PairedView, View

TRUTH, SAID, SCORES = "y_true:", "y_pred:", "score:"
"""Before a label's name: whether a row has it, whether the model says so, and how probable that is."""
EXACT, POOLED = "\0exact", "\0pooled"
"""Views of the rows: whether every label is right; and all labels of all rows, the row being the cluster."""
WRONG = "share wrong"
"""Value of the rows: the share of their labels that is wrong."""
SIDES = ("before ", "after ")


def _labels(batch: Batch, prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in batch.names if name.startswith(prefix)]


def own_cluster(batch: Batch, first: int) -> pa.DictionaryArray:
    """The rows' clusters; each row is its own where none are given, numbered from ``first`` on."""
    if batch.cluster is not None:
        return batch.cluster
    rows = batch.rows.num_rows
    names = pa.array(np.arange(first, first + rows)).cast(pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(np.arange(rows, dtype=np.int32)), names)


class _Pool:
    """Counts of all labels of all rows together."""

    def __init__(self, by: By) -> None:
        self.by, self.rows = by, 0
        self.cubes = Cubes()

    def add(self, batch: Batch, outcomes: dict[str, NDArray[Any]], labels: int) -> None:
        """Take a batch whose ``outcomes`` hold one label after the other."""
        cluster = own_cluster(batch, self.rows)
        self.rows += batch.rows.num_rows
        tiled = pa.DictionaryArray.from_arrays(
            np.tile(cluster.indices.to_numpy(), labels), cluster.dictionary, safe=False
        )
        held = {CLUSTER: tiled}
        if batch.weight is not None:
            held[WEIGHT] = np.tile(batch.weight, labels)
        every = Batch(pa.record_batch(held), np.tile(batch.slices, labels), batch.keys)
        self.cubes.add(every.cube(self.by, outcomes))


class LabelCases(Cases):
    """Rows of several labels: which they have, which the model says, how probable each is."""

    def __init__(self, by: By, probability: bool = True) -> None:
        super().__init__(by, probability)
        self.rows = Rows(by)
        self._names: tuple[str, ...] = ()
        self._of: dict[str, Cubes] = {}
        self._pool = _Pool(by)
        self._needs: frozenset[Need] = frozenset()
        self._scored = False
        self._views: dict[str, View] = {}
        self._cells: dict[By, LabelRows] = {}

    def add(self, batch: Batch) -> Cube:
        """Take a batch; returns its counts."""
        return Cube.total([self._add(rows) for rows in batch.each()])

    def _add(self, batch: Batch) -> Cube:
        """Take a batch of single rows."""
        named = [name for prefix in (TRUTH, SAID, SCORES) for name in _labels(batch, prefix)]
        self._names = tuple(dict.fromkeys(named))
        columns: dict[str, NDArray[Any]] = {}
        for name in self._names:
            outcomes = {
                axis: batch.number(prefix + name)
                for axis, prefix in ((LABEL, TRUTH), (DECISION, SAID))
                if prefix + name in batch.names
            }
            cube = batch.cube(self.by, outcomes)
            self._of.setdefault(name, Cubes()).add(cube)
            columns |= {f"{axis} {name}": values.astype(bool) for axis, values in outcomes.items()}
            if SCORES + name in batch.names:
                columns[SCORES + name] = batch.number(SCORES + name)
        self._needs, self._scored = self.gives(frozenset(batch.names)), bool(_labels(batch, SCORES))
        self.rows.add(batch.slices, batch.keys, columns, batch.weight, batch.cluster)
        counted: dict[str, NDArray[Any]] = {}
        if {"label", "decision"} <= self._needs:
            both = {
                axis: np.concatenate([columns[f"{axis} {name}"] for name in self._names]).astype(np.int64)
                for axis in (LABEL, DECISION)
            }
            self._pool.add(batch, both, len(self._names))
            counted[DECISION] = _exact(columns, self._names).astype(np.int64)
        whole = batch.cube(self.by, counted)
        self._cubes.add(whole)
        return whole

    def gives(self, columns: frozenset[str]) -> frozenset[Need]:
        """What rows with these columns carry: label, decision, probability."""
        names: dict[Need, str] = {"label": TRUTH, "decision": SAID}
        if self.probability:
            names["probability"] = SCORES
        return frozenset(n for n, prefix in names.items() if any(c.startswith(prefix) for c in columns))

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels."""
        return self._names

    @property
    def cube(self) -> Cube:
        """Counts over the slices alone."""
        return self.whole.seen_as(self.by, {})

    def view(self, name: str) -> View:
        """Whether a row has a label; whether all are right; or all labels of all rows."""
        if name not in self._views:
            both: frozenset[Need] = frozenset({"label", "decision"})
            if name == EXACT:
                found = View(self.by, self.whole, frozenset({"decision"}))
            elif name == POOLED:
                found = View(self.by, self._pool.cubes.whole, both)
            else:
                scored = self._scored
                needs: set[Need] = {*self._needs, "score"} if scored else {*self._needs}
                scores = partial(self._scores_of, name) if scored else None
                found = View(self.by, self._of[name].whole, frozenset(needs), scores)
            self._views[name] = found
        return self._views[name]

    def _scores_of(self, name: str) -> ScoreTable:
        label = f"{LABEL} {name}" if "label" in self._needs else None
        return self.rows.table(SCORES + name, probability=self.probability, label=label)

    def values(self, name: str) -> ScoreTable:
        """The share of each row's labels that is wrong."""
        return self.rows.table(_wrong(self.rows, self._names, DECISION), probability=True)

    def cells(self, by: By, keys: Sequence[tuple[str, ...]]) -> LabelRows:
        """The rows of every slice of ``by``, for figures of all labels."""
        if by not in self._cells:
            self._cells[by] = _cells(self.rows, by, keys, self._names, (DECISION,))
        return self._cells[by]


def _exact(columns: dict[str, NDArray[Any]], names: Sequence[str], axis: str = DECISION) -> NDArray[np.bool_]:
    """Whether every label of a row is right."""
    right = [columns[f"{LABEL} {name}"] == columns[f"{axis} {name}"] for name in names]
    return np.asarray(np.all(right, axis=0))


def _wrong(rows: Rows, names: Sequence[str], axis: str) -> str:
    """Derive the share of a row's labels that is wrong; its name."""
    name = f"{WRONG} {axis}"
    rows.derive(name, lambda of: np.mean([of(f"{LABEL} {n}") != of(f"{axis} {n}") for n in names], axis=0))
    return name


def _cells(
    rows: Rows, by: By, keys: Sequence[tuple[str, ...]], names: Sequence[str], axes: Sequence[str]
) -> LabelRows:
    labelled = [rows.values(f"{LABEL} {name}") for name in names]
    decided = [[rows.values(f"{axis} {name}") for name in names] for axis in axes]
    return LabelRows(rows.sliced(by, keys), names, labelled, decided)


class LabelPairs(Pairs):
    """Rows of several labels, decided and scored twice."""

    def __init__(self, by: By, probability: bool = True) -> None:
        super().__init__(by, probability)
        self.rows = Rows(by)
        self._names: tuple[str, ...] = ()
        self._labelled = self._scored = False
        self._of: dict[str, Cubes] = {}
        self._pool = _Pool(by)
        self._views: dict[str, PairedView] = {}
        self._cells: dict[By, LabelRows] = {}

    def add(self, before: Batch, after: Batch) -> None:
        """Take a batch of the same rows in the same order."""
        for rows in zip(before.each(), after.each(), strict=True):
            self._add(*rows)

    def _add(self, before: Batch, after: Batch) -> None:
        """Take a batch of the same single rows in the same order."""
        self._names = tuple(n for n in _labels(before, SAID) if n in _labels(after, SAID))
        self._labelled = bool(_labels(before, TRUTH))
        self._scored = bool(_labels(before, SCORES)) and bool(_labels(after, SCORES))
        columns: dict[str, NDArray[Any]] = {}
        for name in self._names:
            columns[f"{DECISION} {name}"] = before.number(SAID + name).astype(bool)
            columns[f"{AFTER} {name}"] = after.number(SAID + name).astype(bool)
            if self._labelled:
                columns[f"{LABEL} {name}"] = before.number(TRUTH + name).astype(bool)
            if self._scored:
                for side, batch in zip(SIDES, (before, after), strict=True):
                    columns[side + SCORES + name] = batch.number(SCORES + name)
        self.rows.add(before.slices, before.keys, columns, before.weight, before.cluster)
        if not self._names:
            return
        axes = [LABEL, DECISION, AFTER] if self._labelled else [DECISION, AFTER]
        for name in self._names:
            found = {axis: columns[f"{axis} {name}"].astype(np.int64) for axis in axes}
            self._of.setdefault(name, Cubes()).add(before.cube(self.by, found))
        pooled = {
            axis: np.concatenate([columns[f"{axis} {name}"] for name in self._names]).astype(np.int64)
            for axis in axes
        }
        self._pool.add(before, pooled, len(self._names))
        apart = [columns[f"{DECISION} {n}"] != columns[f"{AFTER} {n}"] for n in self._names]
        whole = {CHANGED: np.any(apart, axis=0).astype(np.int64)}
        if self._labelled:
            whole |= {axis: _exact(columns, self._names, axis).astype(np.int64) for axis in (DECISION, AFTER)}
        self._cubes.add(before.cube(self.by, whole))

    def view(self, name: str) -> PairedView:
        """The same views as those of `LabelCases`, before and after."""
        if name not in self._views:
            if name == EXACT:
                flags = {axis: self.whole.outcome(axis, "1") for axis in (DECISION, AFTER)}
                found = PairedView(self.by, self.whole.seen_as(self.by, flags))
            elif name == POOLED:
                found = PairedView(self.by, self._pool.cubes.whole)
            else:
                scores = partial(self._scores_of, name) if self._scored else None
                found = PairedView(self.by, self._of[name].whole if name in self._of else None, scores)
            self._views[name] = found
        return self._views[name]

    def _scores_of(self, name: str) -> PairedScores:
        before, after = (side + SCORES + name for side in SIDES)
        label = f"{LABEL} {name}" if self._labelled else None
        return self.rows.pairs(before, after, probability=self.probability, label=label)

    def values(self, name: str) -> PairedScores:
        """The share of each row's labels that is wrong, before and after."""
        before, after = (_wrong(self.rows, self._names, axis) for axis in (DECISION, AFTER))
        return self.rows.pairs(before, after, probability=True)

    def cells(self, by: By, keys: Sequence[tuple[str, ...]]) -> LabelRows:
        """The rows of every slice of ``by``, decided twice."""
        if by not in self._cells:
            self._cells[by] = _cells(self.rows, by, keys, self._names, (DECISION, AFTER))
        return self._cells[by]

    def flips(self, by: By) -> Tally:
        """A tally whose selected rows are those of which some label is decided otherwise."""
        cube = self.whole
        return cube.seen_as(self.by, {DECISION: cube.outcome(CHANGED, "1")}).tally(by)

    def moves(self, by: By) -> dict[str, NDArray[np.int64] | None]:
        """Rows of every slice that were exact before alone (spoiled), or after alone (mended)."""
        found: dict[str, NDArray[np.int64] | None] = dict.fromkeys(("gained", "lost", "spoiled", "mended"))
        if self._labelled:
            counts = self.view(EXACT).tally(by).counts.sum(1)
            found |= {"spoiled": counts[:, 1, 0], "mended": counts[:, 0, 1]}
        return found


CHANGED = "changed"
"""Axis: whether some label of a row is decided otherwise."""


def as_two(batch: Batch, classes: Sequence[str]) -> Mapping[str, NDArray[Any]]:
    """Whether the rows have a label, whether the model says so, and how probable that is."""
    (label,) = classes
    columns = {LABEL: TRUTH + label, DECISION: SAID + label, SCORE: SCORES + label}
    return {name: batch.number(column) for name, column in columns.items() if column in batch.names}


def columns(said: Said, classes: Sequence[str]) -> dict[str, pa.Array]:
    """A column of decisions for each label, 0 or 1, and one of its probabilities."""
    found: dict[str, pa.Array] = {}
    for i, name in enumerate(classes):
        if said.decision is not None:
            found[SAID + name] = pa.array(said.decision[:, i].astype(np.int8))
        if said.score is not None:
            found[SCORES + name] = pa.array(said.score[:, i], pa.float64())
    return found


def outcome(name: str) -> str | None:
    """What a label's column of truths is called."""
    return f"label '{name.removeprefix(TRUTH)}'" if name.startswith(TRUTH) else None


def kind(name: str) -> Kind | None:
    """What stands in a column of predictions."""
    if name.startswith((TRUTH, SAID)):
        return "bit"
    return "score" if name.startswith(SCORES) else None


def written(known: Known) -> list[str]:
    """The columns that every file of predictions has."""
    names = known.labels or (known.model or {}).get("classes", ())
    prefixes = [] if known.labels is None else [TRUTH]
    if known.table is not None:
        prefixes += [SAID] if {"decisions", "threshold"} & {*known.table} else []
        prefixes += [SCORES] if "probabilities" in known.table else []
    return [f"{prefix}{name}" for prefix in prefixes for name in names]


def amiss(known: Known, columns: Sequence[str], rows: Stored) -> str:
    """Labels that some columns have and others have not; empty where all are of the same."""
    held = {
        prefix: {name.removeprefix(prefix) for name in columns if name.startswith(prefix)}
        for prefix in (TRUTH, SAID, SCORES)
    }
    every = set().union(*held.values())
    for prefix, names in held.items():
        if names and names != every:
            lacking = prefix + min(every - names)
            return f"expected the column {lacking!r} beside those of other labels, got none"
    return ""
