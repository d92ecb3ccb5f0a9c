"""Rows of one of several classes, once and twice: each class is a view against all others."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..metrics.confusion import Confusion
from ..metrics.counts import DECISION, LABEL, Tally
from ..metrics.cube import Cube
from ..metrics.estimators import Need
from ..metrics.joint import AFTER
from ..metrics.paired_scores import PairedScores
from ..metrics.rows import Rows
from ..metrics.scores import ScoreTable
from .cases import Batch, By, Cases, Pairs
from .task import Kind, Known, Said
from .views import PairedView, View

SCORES = "score:"
"""Before a class's name: the column of its probability."""
FAVOURABLE = "favourable"
"""View of the rows: whether a class is among those that are an advantage to the person."""
RIGHT = "\0right"
"""View of the rows: whether the decision is the label; the score is the likeliest class's probability."""
SIDES = ("before ", "after ")
LEAST = 1e-15
"""Probabilities are held so far away from 0 where a logarithm is taken."""


class Coded:
    """Classes as numbers that stay the same over all batches."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}

    def codes(self, column: pa.Array) -> NDArray[np.int64]:
        """Each row's class; values of a dictionary that no row has are none."""
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        names, indices = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
        place = np.full(len(names), -1, np.int64)
        for level in np.flatnonzero(np.bincount(indices, minlength=len(names))):
            place[level] = self.names.setdefault(str(names[level]), len(self.names))
        return np.asarray(place[indices])


def in_order(names: Collection[str], first: Sequence[str] = ()) -> tuple[str, ...]:
    """Classes in the order of ``first``; others by number where all are numbers, else by name."""
    known, rest = [name for name in first if name in names], sorted({*names} - {*first})
    try:
        # Of '1' and '1.0' the shorter is first; where 'nan' is a class there is no order of numbers.
        numbers = {name: float(name) for name in rest}
    except ValueError:
        return (*known, *rest)
    if all(map(math.isfinite, numbers.values())):
        rest.sort(key=lambda name: numbers[name])
    return (*known, *rest)


class ClassCases(Cases):
    """Rows of one of several classes: label, decision, and a probability of each class.

    ``favourable`` are classes that are an advantage to the person, ``order`` those that are shown first.
    """

    def __init__(
        self, by: By, probability: bool = True, favourable: Sequence[str] = (), order: Sequence[str] = ()
    ) -> None:
        super().__init__(by, probability)
        self.favourable, self.order = tuple(favourable), tuple(order)
        self._coded = Coded()
        self._rows = Rows(by)
        self._scored: tuple[str, ...] = ()
        self._views: dict[str, View] = {}
        self._confused: dict[By, Confusion] = {}

    def add(self, batch: Batch) -> Cube:
        """Take a batch; returns its counts."""
        outcomes = {n: self._coded.codes(batch.rows.column(n)) for n in (LABEL, DECISION) if n in batch.names}
        cube = batch.cube(self.by, {name: batch.rows.column(name) for name in outcomes})
        self._cubes.add(cube)
        self._scored = tuple(n.removeprefix(SCORES) for n in batch.names if n.startswith(SCORES))
        if self._scored:
            columns = {SCORES + c: batch.number(SCORES + c) for c in self._scored}
            self._rows.add(batch.slices, batch.keys, columns | outcomes, batch.weight, batch.cluster)
        return cube

    def gives(self, columns: frozenset[str]) -> frozenset[Need]:
        """What rows with these columns carry: label, decision, probability."""
        names: dict[Need, str] = {"label": LABEL, "decision": DECISION}
        found = {need for need, column in names.items() if column in columns}
        scored = any(column.startswith(SCORES) for column in columns)
        return frozenset(found | ({"probability"} if scored else set()))

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class that a label or a decision names."""
        return in_order({*self._coded.names, *self._scored}, self.order)

    @property
    def views(self) -> tuple[str, ...]:
        """The classes, and the favourable ones together."""
        return (*self.classes, *([FAVOURABLE] if self.favourable else []))

    @cached_property
    def cube(self) -> Cube:
        """Counts over the slices alone."""
        return self.whole.seen_as(self.by, {})

    def confused(self, by: By) -> Confusion:
        """Labels and decisions of every slice of ``by``; both must be there."""
        if by not in self._confused:
            self._confused[by] = Confusion.of(self.whole, by, self.classes)
        return self._confused[by]

    def confusion(self, by: By, classes: Sequence[str]) -> NDArray[np.int64] | None:
        """Rows by label and decision, array of shape (slices, classes, classes); None without both."""
        cube = self.whole
        if not {LABEL, DECISION} <= set(cube.axes):
            return None
        codes, keys = cube.slice_codes(by)
        return cube.confusion(codes, len(keys), (LABEL, DECISION), classes, cube.counts)

    def view(self, name: str) -> View:
        """Whether a row is of a class, or whether it is right."""
        if name not in self._views:
            cube = self.whole
            flags = _right(cube) if name == RIGHT else _of_classes(cube, self._members(name))
            scores = self._score_of(name)
            needs: set[Need] = {"label" if axis == LABEL else "decision" for axis in flags}
            if scores is not None:
                needs |= {"score", "probability"}
            if name == RIGHT:
                # The score says how sure the model is that it is right: that is the label beside it.
                needs.add("label")
            self._views[name] = View(self.by, cube.seen_as(self.by, flags), frozenset(needs), scores)
        return self._views[name]

    def _score_of(self, name: str) -> Callable[[], ScoreTable] | None:
        """The scores of a view: those of a class that the model gives none are 0."""
        if not self._scored:
            return None
        if name == RIGHT:
            return self._sureness
        return partial(self._of_class, name)

    def _members(self, name: str) -> Sequence[str]:
        """The classes of a view."""
        return self.favourable if name == FAVOURABLE and self.favourable else (name,)

    def _of_class(self, name: str) -> ScoreTable:
        label = of_classes(self._rows, name, self._members(name), self._scored, self._coded.names, "")
        return self._rows.table(SCORES + name, probability=True, label=label)

    def _sureness(self) -> ScoreTable:
        self._rows.derive(RIGHT, lambda of: of(LABEL) == of(DECISION))
        return self._rows.table(surest(self._rows, self._scored), probability=True, label=RIGHT)

    def values(self, name: str) -> ScoreTable:
        """The loss of each row, and half of the squared distance of its probabilities from its label."""
        losses(self._rows, self._scored, self._coded.names)
        return self._rows.table(name, probability=name == HALF_BRIER)


SURPRISE, HALF_BRIER = "surprise", "half of the squared error"
Of = Callable[[str], NDArray[Any]]


def surest(rows: Rows, scored: Sequence[str], side: str = "") -> str:
    """Derive the probability of the likeliest class; its name. ``side`` stands before those of columns."""
    name = side + "surest"
    rows.derive(name, lambda of: np.max([of(side + SCORES + c) for c in scored], axis=0))
    return name


def losses(rows: Rows, scored: Sequence[str], places: Mapping[str, int], side: str = "") -> None:
    """Derive a row's losses from its probabilities and its label."""

    def given(of: Of) -> NDArray[np.float64]:
        label, out = of(LABEL), np.zeros(len(of(LABEL)))
        # A class that the model does not know has no probability.
        for c in scored:
            chosen = label == places.get(c, -1)
            out[chosen] = of(side + SCORES + c)[chosen]
        return out

    def squared(of: Of) -> NDArray[np.float64]:
        every = np.zeros(len(of(LABEL)))
        for c in scored:
            every += of(side + SCORES + c) ** 2
        return np.asarray(np.clip((every - 2 * given(of) + 1) / 2, 0, 1))

    rows.derive(side + SURPRISE, lambda of: -np.log(np.clip(given(of), LEAST, 1)))
    rows.derive(side + HALF_BRIER, squared)


def of_classes(
    rows: Rows,
    name: str,
    members: Sequence[str],
    scored: Sequence[str],
    places: Mapping[str, int],
    *sides: str,
) -> str | None:
    """Derive whether a row's label is one of some classes, and their probability on each of ``sides``.

    A class that the model gives no probability has 0. Returns the name of the former, None without labels.
    """
    if tuple(members) != (name,) or name not in scored:
        for side in sides:
            known = [side + SCORES + c for c in members if c in scored]
            rows.derive(side + SCORES + name, partial(_summed, known))
    if rows.column(LABEL) is None:
        return None
    label, found = f"is {name}", [places.get(c, -1) for c in members]
    rows.derive(label, lambda of: np.isin(of(LABEL), found))
    return label


def _summed(known: Sequence[str], of: Of) -> NDArray[np.float64]:
    """The probabilities of some classes together; 0 without any."""
    return np.asarray(np.clip(sum((of(c) for c in known), np.zeros(len(of("code")))), 0, 1))


def _of_classes(cube: Cube, members: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """Whether labels and decisions of each cell are of some classes."""
    return {
        axis: np.any([cube.outcome(axis, name) for name in members], axis=0)
        for axis in (LABEL, DECISION, AFTER)
        if axis in cube.axes
    }


def _right(cube: Cube) -> dict[str, NDArray[np.bool_]]:
    """Whether the decision is the label, before and after."""
    if LABEL not in cube.axes:
        return {}
    return {axis: same_class(cube, LABEL, axis) for axis in (DECISION, AFTER) if axis in cube.axes}


def same_class(cube: Cube, one: str, other: str) -> NDArray[np.bool_]:
    """Whether each cell has the same class on two axes."""
    places = [cube.axis(name) for name in (one, other)]
    names = [np.array(cube.levels[p], object)[cube.codes[:, p]] for p in places]
    return np.asarray(names[0] == names[1], bool)


class ClassPairs(Pairs):
    """Rows of one of several classes, decided and scored twice; parameters as of `ClassCases`."""

    def __init__(
        self, by: By, probability: bool = True, favourable: Sequence[str] = (), order: Sequence[str] = ()
    ) -> None:
        super().__init__(by, probability)
        self.favourable, self.order = tuple(favourable), tuple(order)
        self._coded = Coded()
        self._rows = Rows(by)
        self._scored: tuple[str, ...] = ()
        self._views: dict[str, PairedView] = {}
        self._confused: dict[By, Confusion] = {}

    def add(self, before: Batch, after: Batch) -> None:
        """Take a batch of the same rows in the same order."""
        if DECISION in before.names and DECISION in after.names:
            columns = {DECISION: before.rows.column(DECISION), AFTER: after.rows.column(DECISION)}
            if LABEL in before.names:
                columns[LABEL] = before.rows.column(LABEL)
            self._cubes.add(before.cube(self.by, columns))
        both = [[n for n in side.names if n.startswith(SCORES)] for side in (before, after)]
        if all(both):
            self._scored = tuple(dict.fromkeys(n.removeprefix(SCORES) for n in (*both[0], *both[1])))
            held = {}
            for side, batch in zip(SIDES, (before, after), strict=True):
                for c in self._scored:
                    found = batch.numbers(SCORES + c)
                    held[side + SCORES + c] = np.zeros(batch.rows.num_rows) if found is None else found
                if DECISION in batch.names:
                    held[side + DECISION] = self._coded.codes(batch.rows.column(DECISION))
            if LABEL in before.names:
                held[LABEL] = self._coded.codes(before.rows.column(LABEL))
            self._rows.add(before.slices, before.keys, held, before.weight, before.cluster)

    def view(self, name: str) -> PairedView:
        """Whether a row is of a class, or whether it is right, before and after."""
        if name not in self._views:
            cube = None
            if self.decided:
                whole, members = self.whole, self._members(name)
                cube = whole.seen_as(self.by, _right(whole) if name == RIGHT else _of_classes(whole, members))
            scores = partial(self._scores_of, name) if self._scored else None
            self._views[name] = PairedView(self.by, cube, scores)
        return self._views[name]

    def _members(self, name: str) -> Sequence[str]:
        """The classes of a view."""
        return self.favourable if name == FAVOURABLE and self.favourable else (name,)

    def _scores_of(self, name: str) -> PairedScores:
        rows = self._rows
        if name == RIGHT:
            before, after = (surest(rows, self._scored, side) for side in SIDES)
            return rows.pairs(before, after, probability=True)
        label = of_classes(rows, name, self._members(name), self._scored, self._coded.names, *SIDES)
        before, after = (side + SCORES + name for side in SIDES)
        return rows.pairs(before, after, probability=True, label=label)

    def values(self, name: str) -> PairedScores:
        """The losses of each row before and after, as `ClassCases.values`."""
        for side in SIDES:
            losses(self._rows, self._scored, self._coded.names, side)
        before, after = (side + name for side in SIDES)
        return self._rows.pairs(before, after, probability=name == HALF_BRIER)

    def confused(self, by: By) -> Confusion:
        """Labels and decisions before and after of every slice of ``by``; all must be there."""
        if by not in self._confused:
            cube = self.whole
            axes = [cube.axis(name) for name in (LABEL, DECISION, AFTER)]
            classes = in_order({name for axis in axes for name in cube.levels[axis]}, self.order)
            self._confused[by] = Confusion.joint(cube, by, classes)
        return self._confused[by]

    def flips(self, by: By) -> Tally:
        """A tally whose selected rows are those decided for another class."""
        cube = self.whole
        return cube.seen_as(self.by, {DECISION: ~same_class(cube, DECISION, AFTER)}).tally(by)

    def moves(self, by: By) -> dict[str, NDArray[np.int64] | None]:
        """Rows of every slice spoiled or mended; gained or lost where some classes are favourable."""
        found: dict[str, NDArray[np.int64] | None] = dict.fromkeys(("gained", "lost", "spoiled", "mended"))
        if self.favourable:
            counts = self.view(FAVOURABLE).tally(by).counts
            found |= {"gained": counts[..., 0, 1].sum(1), "lost": counts[..., 1, 0].sum(1)}
        if LABEL in self.whole.axes:
            counts = self.view(RIGHT).tally(by).counts.sum(1)
            found |= {"spoiled": counts[:, 1, 0], "mended": counts[:, 0, 1]}
        return found

    def matrix(self, by: By, classes: Sequence[str]) -> NDArray[np.int64] | None:
        """Rows by decision before and after, array of shape (slices, classes, classes)."""
        cube = self.whole
        codes, keys = cube.slice_codes(by)
        return cube.confusion(codes, len(keys), (DECISION, AFTER), classes, cube.counts)


def as_two(batch: Batch, classes: Sequence[str]) -> Mapping[str, NDArray[Any]]:
    """Whether label and decision are among some classes; no threshold makes the likeliest class."""
    wanted = pa.array(list(classes), pa.string())
    found = {}
    for name in (LABEL, DECISION):
        if name in batch.names:
            words = batch.rows.column(name).cast(pa.string())
            found[name] = pc.is_in(words, value_set=wanted).to_numpy(zero_copy_only=False).astype(np.int8)
    return found


def columns(said: Said, classes: Sequence[str]) -> dict[str, pa.Array]:
    """A column of the class decided for, and one of each class's probability."""
    found: dict[str, pa.Array] = {}
    if said.decision is not None:
        codes = pa.array(said.decision, pa.int32())
        found[DECISION] = pa.DictionaryArray.from_arrays(codes, pa.array(list(classes), pa.string()))
    if said.score is not None:
        found |= {f"{SCORES}{c}": pa.array(said.score[:, i], pa.float64()) for i, c in enumerate(classes)}
    return found


def kind(name: str) -> Kind | None:
    """What stands in a column of predictions."""
    if name in (LABEL, DECISION):
        return "word"
    return "score" if name.startswith(SCORES) else None


def written(known: Known) -> list[str]:
    """The columns that every file of predictions has."""
    found = [] if known.labels is None else [LABEL]
    if known.model is not None:
        found.append(DECISION)
    if known.table is not None and "probabilities" in known.table:
        found += [f"{SCORES}{name}" for name in known.table.get("classes", ())]
    return found
