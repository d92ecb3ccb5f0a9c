"""Features of single entities: rows are counted in parts, each with the entities of one value.

A sentence with a person of group A and one of group B is three rows of predictions: the true entities of A
with what is marked on them, those of B with what is marked on them, and, as the first part, all else: true
entities whose value is not known, and what is marked where no true entity is. The parts of a row hold its
true and its marked entities once each, so that what is found, invented and missed adds up to the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import spans
from ..spans import Span
from ..told import tell
from .columns import Sensitive
from .entities import Entities, split_lists
from .errors import InputError
from .numbers import decoded, is_text
from .seen import Seen
from .span_columns import SpanColumn
from .spelling import word
from .tags import OUTSIDE

if TYPE_CHECKING:
    from .evaluation import EvaluationSet

TRUE, SAID = "y_true", "y_pred"
MARK = "#"
"""Between the id of a row and the number of its part."""
Values = list[list[Any]]
"""A value for each true entity of each row."""


@dataclass
class EntityAttributes:
    """Takes rows of predictions apart by features of their true entities.

    Parameters
    ----------
    columns : mapping of str to str
        By feature the column of its values, or the key of spans.
    slicers : mapping of str to Sensitive
    outcome : Entities
    seen : Seen
    rows, parts, invented : int
        Rows taken apart, what they became, and what was marked where no true entity is.
    """

    columns: Mapping[str, str]
    slicers: Mapping[str, Sensitive]
    outcome: Entities
    seen: Seen
    rows: int = 0
    parts: int = 0

    @property
    def read(self) -> list[str]:
        """Columns of the data that are read besides those of the entities."""
        return [] if self.outcome.spans else list(self.columns.values())

    def apart(self, rows: pa.RecordBatch, raw: pa.RecordBatch) -> pa.RecordBatch:
        """The parts of rows of predictions.

        Parameters
        ----------
        rows : pyarrow.RecordBatch
            Of predictions.
        raw : pyarrow.RecordBatch
            The same rows of the data.
        """
        true = [spans.read(text) for text in rows.column(TRUE).to_pylist()]
        names = [f"the row of id {name!r}" for name in rows.column("id").to_pylist()]
        every = [self._values(feature, raw, true, names) for feature in self.columns]
        said = (
            [spans.read(text) for text in rows.column(SAID).to_pylist()]
            if SAID in rows.schema.names
            else None
        )
        place: list[int] = []
        number: list[int] = []
        keys: list[tuple[Any, ...]] = []
        sides: dict[str, list[str]] = {TRUE: [], SAID: []}
        for i, entities in enumerate(true):
            parts: dict[tuple[Any, ...], int] = {(None,) * len(every): 0}
            own = [
                parts.setdefault(tuple(values[i][k] for values in every), len(parts))
                for k in range(len(entities))
            ]
            place += [i] * len(parts)
            number += range(len(parts))
            keys += parts
            sides[TRUE] += _written(entities, own, len(parts))
            if said is not None:
                sides[SAID] += _written(said[i], [_part(one, entities, own) for one in said[i]], len(parts))
        made = {
            name: column.take(pa.array(place))
            for name, column in zip(rows.schema.names, rows.columns, strict=True)
        }
        named = (f"{name}{MARK}{k}" for name, k in zip(made["id"].to_pylist(), number, strict=True))
        made |= {"id": pa.array(named, pa.string()), TRUE: pa.array(sides[TRUE], pa.string())}
        if said is not None:
            made[SAID] = pa.array(sides[SAID], pa.string())
        for k, feature in enumerate(self.columns):
            made[feature] = self._sliced(feature, [key[k] for key in keys])
        self.rows, self.parts = self.rows + len(true), self.parts + len(place)
        return pa.record_batch(made)

    def _values(
        self, feature: str, raw: pa.RecordBatch, true: Sequence[Sequence[Span]], names: Sequence[str]
    ) -> Values:
        """The value of each true entity of each row."""
        column, where = self.columns[feature], f"data.entity_attributes.{feature}"
        if self.outcome.spans:
            reader = SpanColumn(self.outcome.spans, "spans")
            each = reader.sorted(raw.column(self.outcome.spans), lambda place: names[place])
            return [[_known(said.get(column)) for _, said in found] for found in each]
        held = decoded(raw.column(column))
        if is_text(held.type):
            lists = split_lists(held, f"{where}: column '{column}'", lambda place: names[place]).to_pylist()
        elif pa.types.is_nested(held.type) or pa.types.is_null(held.type):
            lists = held.to_pylist()
        else:
            raise InputError(
                f"{where}: column '{column}': expected a list for each row, with a value for each entity or "
                f"each token, got {held.type}"
            )
        sizes = self._tokens(raw)
        return [
            _of_row(found or [], entities, size, f"{where}: column '{column}': {name}")
            for found, entities, size, name in zip(lists, true, sizes, names, strict=True)
        ]

    def _tokens(self, raw: pa.RecordBatch) -> list[int]:
        """Tokens of each row."""
        column = decoded(raw.column(self.outcome.beside))
        return [len(one.split()) if isinstance(one, str) else len(one) for one in column.to_pylist()]

    def _sliced(self, feature: str, values: Sequence[Any]) -> pa.DictionaryArray:
        """The slice of each part."""
        slicer = self.slicers[feature]
        column = pa.array(values, pa.float64()) if slicer.edges and _numbers(values) else _words(values)
        if not slicer.edges:
            self.seen.ask_of(feature, "sensitive", [column])
            self.seen.look(feature, column, 0)
        return slicer.read(column)

    def warnings(self) -> list[str]:
        """What a row is, and how values are told of what is marked."""
        names = ", ".join(self.columns)
        told = tell(
            "Slices by {features} are of single entities: {rows} rows are counted in {parts} parts, each "
            "with the true entities of one value and what is marked on them. What is marked where no true "
            "entity is has no value: it is in the slice (unknown), so that precision is that of what is "
            "marked on true entities alone.",
            features=names, rows=f"{self.rows:,}", parts=f"{self.parts:,}",
        )  # fmt: skip
        return [told, *chain.from_iterable(one.warnings({}) for one in self.slicers.values())]


def _of_row(values: Sequence[Any], entities: Sequence[Span], size: int, where: str) -> list[Any]:
    """The value of each entity of a row, told for each of them or for each token."""
    if len(values) == len(entities):
        return [_known(value) for value in values]
    if len(values) != size:
        raise InputError(
            f"{where}: expected a value for each of {len(entities):,} entities, or for each of {size:,} "
            f"tokens, got {len(values):,}"
        )
    return [_of_entity(values[one.start : one.end], one, where) for one in entities]


def _of_entity(values: Sequence[Any], one: Span, where: str) -> Any:
    """The value of an entity that its tokens have, those that have one."""
    found = list(dict.fromkeys(known for value in values if (known := _known(value)) is not None))
    if len(found) > 1:
        raise InputError(
            f"{where}: expected one value for the tokens of {spans.written([one])}, got {found[0]!r} and "
            f"{found[1]!r}"
        )
    return found[0] if found else None


def _known(value: Any) -> Any:
    """A value; None for what says that there is none."""
    if value is None or value != value or (isinstance(value, str) and value.strip() in ("", OUTSIDE, "_")):
        return None
    if isinstance(value, (list, dict)):
        raise InputError(f"data.entity_attributes: expected words or numbers, got {str(value)[:60]!r}")
    return value


def _numbers(values: Sequence[Any]) -> bool:
    return all(value is None or isinstance(value, (int, float)) for value in values)


def _words(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if value is None else word(value) for value in values], pa.string())


def _part(one: Span, entities: Sequence[Span], own: Sequence[int]) -> int:
    """The part of what is marked: that of the true entity that it shares most tokens with, else the first."""
    shared = [min(one.end, true.end) - max(one.start, true.start) for true in entities]
    best = int(np.argmax(shared)) if shared else 0
    return own[best] if shared and shared[best] > 0 else 0


def _written(entities: Sequence[Span], own: Sequence[int], parts: int) -> list[str]:
    """The entities of each part, as text."""
    held: list[list[Span]] = [[] for _ in range(parts)]
    for one, part in zip(entities, own, strict=True):
        held[part].append(one)
    return [spans.written(found) for found in held]


def whole_ids(parts: pa.Array) -> pa.Array:
    """The ids of rows, by those of their first parts."""
    first = f"{MARK}0"
    found = parts.filter(pc.ends_with(parts, first))
    return pc.utf8_slice_codeunits(found, 0, -len(first))


def attributes_of(data: EvaluationSet) -> EntityAttributes | None:
    """What takes the rows of some data apart; None where no attribute of entities is sliced by."""
    if not data.entity_attributes:
        return None
    assert isinstance(data.outcome, Entities)
    slicers = {feature: data.slicer(feature) for feature in data.entity_attributes}
    return EntityAttributes(data.entity_attributes, slicers, data.outcome, data.seen)
