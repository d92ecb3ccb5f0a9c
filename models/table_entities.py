"""Predicted entities, as tags of each row's tokens or as spans in a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import spans
from ..datasets.entities import Entities, TagColumn
from ..datasets.errors import InputError
from ..spans import written
from ..told import tell
from .base import Scored
from .table_outcomes import Placed, Row
from .taggers import named, types_left


@dataclass
class OfEntities:
    """The predicted entities of each row.

    Parameters
    ----------
    tags, spans : str, optional
        Column of the tags of its tokens, or of the entities themselves; told as the true ones are.
    true : Entities
        How the true ones are read, which is how these are.
    types : mapping of str to str
        The data's type for each predicted one; others are left out. Empty: they are the same.
    """

    tags: str | None
    true: Entities
    spans: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)

    task = "ner"
    exact = True
    classes = ()

    def __post_init__(self) -> None:
        key, other = ("spans", "tags") if self.true.spans else ("tags", "spans")
        column = getattr(self, key)
        if getattr(self, other):
            raise InputError(
                f"model.{other}: the true entities are told by data.{key}; expected model.{key}, the column "
                "of the predicted ones told so"
            )
        if not column:
            what = "their tags" if key == "tags" else "lists of them"
            raise InputError(f"model: a table of predicted entities needs model.{key}, the column of {what}")
        self.said = self.true.column(column, f"predicted {key}")

    @property
    def columns(self) -> list[str]:
        """That of the tags or spans."""
        return [self.said.column]

    def read(self, placed: Placed, row: Row, beside: pa.Array | None) -> Scored:
        """Read some rows; one with more or fewer tags than it has tokens is told."""
        assert beside is not None
        sizes: list[NDArray[np.int64]] = []

        def read(column: pa.Array) -> NDArray[Any]:
            texts, lengths = self.said.read(column, row)
            sizes.append(lengths)
            return np.asarray(texts.to_numpy(zero_copy_only=False))

        decision = placed(read, self.said.column)
        self.true.check(self.said, sizes[0], beside, row)
        if self.types:
            said = [written(named(spans.read(text), self.types, self.left)) for text in decision.tolist()]
            decision = np.array(said, object)
        return Scored(decision, None)

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the column."""
        types = {"types": dict(self.types)} if self.types else {}
        if isinstance(self.said, TagColumn):
            return {"tags": self.tags, "rule": tell("entities as its tags mark them"), **types}
        return {"spans": self.spans, "rule": tell("entities as the column lists them"), **types}

    def notes(self) -> list[str]:
        """What is to be told of the tags read: those that the scheme does not allow."""
        out = self.said.warnings()
        if self.said.without_beginning:
            out.append(
                tell(
                    "No tag of column {column} begins an entity with B-, which the scheme iob2 asks for: its "
                    "tags may be those of io or iob1.",
                    column=self.tags,
                )
            )  # fmt: skip
        types_left(self.left, out)
        return out
