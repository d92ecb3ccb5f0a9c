"""Predicted entities, as tags of each row's tokens in a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.entities import Entities, TagColumn, check_lengths, parts_of
from ..datasets.errors import InputError
from ..told import tell
from .base import Scored
from .table_outcomes import Placed, Row


@dataclass
class OfEntities:
    """The predicted entities of each row.

    Parameters
    ----------
    tags : str
        Column of the tags of its tokens.
    true : Entities
        How the true ones are read, which is how these are.
    """

    tags: str | None
    true: Entities
    texts: list[str] = field(default_factory=list)

    task = "ner"
    exact = True
    classes = ()

    def __post_init__(self) -> None:
        if not self.tags:
            raise InputError(
                "model: a table of predicted entities needs model.tags, the column of their tags"
            )
        self.said = TagColumn(self.tags, "predicted tags", self.true.scheme, self.true.matching)

    @property
    def columns(self) -> list[str]:
        """That of the tags."""
        return [self.said.column]

    def read(self, placed: Placed, row: Row, beside: pa.Array | None) -> Scored:
        """Read some rows; one with more or fewer tags than it has tokens is told."""
        assert beside is not None
        sizes: list[NDArray[np.int64]] = []

        def spans(column: pa.Array) -> NDArray[Any]:
            texts, lengths = self.said.read(column, row)
            sizes.append(lengths)
            return np.asarray(texts.to_numpy(zero_copy_only=False))

        decision = placed(spans, self.said.column)
        true = parts_of(beside, self.true.read.where, row)[1]
        check_lengths(sizes[0], true, (self.said.where, self.true.read.where), row)
        return Scored(decision, None)

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the column."""
        return {"tags": self.tags, "rule": tell("entities as its tags mark them")}

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
        return out
