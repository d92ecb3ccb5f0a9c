"""Rows with entities: each that is there, or that the model marks, is an outcome; each type is a view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import spans
from ..metrics.counts import DECISION, LABEL, Tally
from ..metrics.cube import Cube, Cubes
from ..metrics.entities import EntityOutcomes
from ..metrics.estimators import Need
from ..metrics.joint import AFTER
from .cases import CLUSTER, WEIGHT, Batch, By, Cases, Pairs
from .class_cases import in_order
from .label_cases import CHANGED, EXACT, POOLED, own_cluster
from .task import Kind, Said, Stored
from .views import PairedView, View

TYPE = "entity type"
"""Axis of the outcomes; the rows themselves, which keep every slice and cluster among them, have none."""
ROW = ""
Expanded = tuple[NDArray[np.intp], NDArray[np.int64], list[NDArray[np.int64]]]
"""The row and the type of each outcome, and whether it is among the entities of each side."""


class Outcomes:
    """Entities of rows, true and marked by one model or two, as outcomes that are counted by their type.

    An entity that the model marks with other tokens, or as another type, is one that it invents, beside the
    true one that it misses.
    """

    def __init__(self, by: By) -> None:
        self.by, self.rows = by, 0
        self.cubes = Cubes()
        self._places: dict[str, int] = {ROW: 0}
        self._known: dict[tuple[str, ...], tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    @property
    def types(self) -> tuple[str, ...]:
        """The types, by name."""
        return in_order([name for name in self._places if name != ROW])

    def add(self, batch: Batch, sides: dict[str, pa.Array]) -> None:
        """Take a batch; ``sides`` are its entities as text, by axis."""
        rows, types, flags = self._expanded(list(sides.values()))
        every = np.arange(batch.rows.num_rows)
        place = np.concatenate([every, rows])
        cluster = own_cluster(batch, self.rows)
        self.rows += batch.rows.num_rows
        held = {CLUSTER: cluster.take(pa.array(place))}
        if batch.weight is not None:
            held[WEIGHT] = batch.weight[place]
        none = np.zeros(len(every), np.int64)
        named = pa.DictionaryArray.from_arrays(
            pa.array(np.concatenate([none, types]), pa.int32()), pa.array(list(self._places), pa.string())
        )
        outcomes: dict[str, Any] = {TYPE: named}
        outcomes |= {axis: np.concatenate([none, f]) for axis, f in zip(sides, flags, strict=True)}
        expanded = Batch(pa.record_batch(held), batch.slices[place], batch.keys)
        self.cubes.add(expanded.cube(self.by, outcomes))

    def _expanded(self, sides: Sequence[pa.Array]) -> Expanded:
        """One outcome for each entity of a row that is on some side."""
        texts = list(zip(*(side.to_pylist() for side in sides), strict=True))
        found = [self._of_row(row) for row in texts]
        sizes = np.array([len(types) for types, _ in found], np.int64)
        types = np.concatenate([np.zeros(0, np.int64), *(types for types, _ in found)])
        flags = np.concatenate([np.zeros((0, len(sides)), np.int64), *(flags for _, flags in found)])
        return np.repeat(np.arange(len(texts)), sizes), types, list(flags.T)

    def _of_row(self, texts: tuple[str, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Types and flags of the outcomes of a row; those of equal rows are found once."""
        if texts not in self._known:
            sides = [set(spans.read(text)) for text in texts]
            every = sorted(set().union(*sides))
            types = [self._places.setdefault(one.type, len(self._places)) for one in every]
            flags = [[int(one in side) for side in sides] for one in every]
            self._known[texts] = (
                np.array(types, np.int64), np.array(flags, np.int64).reshape(len(every), len(sides))
            )  # fmt: skip
        return self._known[texts]

    def seen(self, name: str, axes: Sequence[str]) -> Cube:
        """The outcomes of a type, or of all together: the other cells stay, and count as none."""
        cube = self.cubes.whole
        kept = cube.outcome(TYPE, name)
        kept = ~cube.outcome(TYPE, ROW) if name == POOLED else kept
        flags = {axis: cube.outcome(axis, "1") & kept for axis in axes}

        def only(values: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if values is None else np.where(kept, values, 0).astype(values.dtype)

        counts = only(cube.counts)
        assert counts is not None
        held = replace(cube, counts=counts, weights=only(cube.weights), squares=only(cube.squares))
        return held.seen_as(self.by, flags)


class EntityCases(Cases):
    """Rows with their entities, and those that a model marks."""

    def __init__(self, by: By, probability: bool = True) -> None:
        super().__init__(by, probability)
        self._outcomes = Outcomes(by)
        self._views: dict[str, View] = {}
        self._confused: dict[By, EntityOutcomes] = {}

    def add(self, batch: Batch) -> Cube:
        """Take a batch; returns its counts."""
        sides = {axis: batch.rows.column(axis) for axis in (LABEL, DECISION) if axis in batch.names}
        exact = {}
        if len(sides) == 2:
            self._outcomes.add(batch, sides)
            exact[DECISION] = _alike(*sides.values()).astype(np.int64)
        cube = batch.cube(self.by, exact)
        self._cubes.add(cube)
        return cube

    def gives(self, columns: frozenset[str]) -> frozenset[Need]:
        """What rows with these columns carry: label, decision."""
        names: dict[Need, str] = {"label": LABEL, "decision": DECISION}
        return frozenset(need for need, column in names.items() if column in columns)

    @property
    def classes(self) -> tuple[str, ...]:
        """The types of entities."""
        return self._outcomes.types

    @property
    def cube(self) -> Cube:
        """Counts over the slices alone."""
        return self.whole.seen_as(self.by, {})

    def view(self, name: str) -> View:
        """The entities of a type; all of them together; or whether a row has every one right."""
        if name not in self._views:
            if name == EXACT:
                found = View(self.by, self.whole, frozenset({"decision"}))
            else:
                cube = self._outcomes.seen(name, (LABEL, DECISION))
                found = View(self.by, cube, frozenset({"label", "decision"}), sizes=self._sizes)
            self._views[name] = found
        return self._views[name]

    def _sizes(self, by: By) -> NDArray[np.int64]:
        return np.asarray(self.cube.tally(by).counts.n, np.int64)

    def confused(self, by: By) -> EntityOutcomes:
        """The outcomes of every slice of ``by``, for figures of all types."""
        if by not in self._confused:
            self._confused[by] = EntityOutcomes.typed(self._outcomes.cubes.whole, TYPE, by, self.classes)
        return self._confused[by]


class EntityPairs(Pairs):
    """Rows with their entities, and those that two models mark."""

    def __init__(self, by: By, probability: bool = True) -> None:
        super().__init__(by, probability)
        self._outcomes = Outcomes(by)
        self._views: dict[str, PairedView] = {}
        self._confused: dict[By, EntityOutcomes] = {}

    def add(self, before: Batch, after: Batch) -> None:
        """Take a batch of the same rows in the same order."""
        true = before.rows.column(LABEL)
        one, other = (batch.rows.column(DECISION) for batch in (before, after))
        self._outcomes.add(before, {LABEL: true, DECISION: one, AFTER: other})
        flags = {CHANGED: ~_alike(one, other), DECISION: _alike(true, one), AFTER: _alike(true, other)}
        self._cubes.add(before.cube(self.by, {axis: flag.astype(np.int64) for axis, flag in flags.items()}))

    def view(self, name: str) -> PairedView:
        """The same views as those of `EntityCases`, before and after."""
        if name not in self._views:
            if name == EXACT:
                flags = {axis: self.whole.outcome(axis, "1") for axis in (DECISION, AFTER)}
                found = PairedView(self.by, self.whole.seen_as(self.by, flags))
            else:
                found = PairedView(self.by, self._outcomes.seen(name, (LABEL, DECISION, AFTER)))
            self._views[name] = found
        return self._views[name]

    def confused(self, by: By) -> EntityOutcomes:
        """The outcomes of every slice of ``by`` before and after."""
        if by not in self._confused:
            cube, types = self._outcomes.cubes.whole, self._outcomes.types
            self._confused[by] = EntityOutcomes.typed(cube, TYPE, by, types, (DECISION, AFTER))
        return self._confused[by]

    def flips(self, by: By) -> Tally:
        """A tally whose selected rows are those in which some entity is marked otherwise."""
        cube = self.whole
        return cube.seen_as(self.by, {DECISION: cube.outcome(CHANGED, "1")}).tally(by)

    def moves(self, by: By) -> dict[str, NDArray[np.int64] | None]:
        """Rows of every slice that were all right before alone (spoiled), or after alone (mended)."""
        counts = self.view(EXACT).tally(by).counts.sum(1)
        found: dict[str, NDArray[np.int64] | None] = dict.fromkeys(("gained", "lost"))
        return found | {"spoiled": counts[:, 1, 0], "mended": counts[:, 0, 1]}


def _alike(one: pa.Array, other: pa.Array) -> NDArray[np.bool_]:
    """Whether each row has the same entities on two sides."""
    return np.array([a == b for a, b in zip(one.to_pylist(), other.to_pylist(), strict=True)], bool)


def columns(said: Said, classes: Sequence[str]) -> dict[str, pa.Array]:
    """A column of the entities that a model marks, as text."""
    return {} if said.decision is None else {DECISION: pa.array(said.decision, pa.string())}


def types_in(text: str) -> set[str]:
    """The types of the entities of a text."""
    return {one.type for one in spans.read(text)}


def kind(name: str) -> Kind | None:
    """What stands in a column of predictions."""
    return "word" if name in (LABEL, DECISION) else None


def amiss(known: Any, columns: Sequence[str], rows: Stored) -> str:
    """What is no list of entities in a file of predictions; empty where all are."""
    names = [name for name in (LABEL, DECISION) if name in columns]
    for batch in rows(names):
        for name in names:
            for text in batch.column(name).unique().to_pylist():
                try:
                    spans.read(str(text))
                except ValueError as error:
                    return f"expected {error} in the column {name!r}"
    return ""
