"""Models that tag the tokens of sentences: what they mark as entities, with the types of the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from ..datasets.entities import Entities, check_lengths, parts_of
from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from ..spans import Span, written
from ..told import tell
from .base import ModelKind, Scored

Sentence = Sequence[str]


class Tagging(Protocol):
    """What marks entities in sentences of given tokens."""

    def spans(self, sentences: Sequence[Sentence]) -> Iterator[list[Span]]:
        """The entities of each sentence, by its tokens."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the report says of it."""
        ...


@dataclass
class Tagger(ModelKind):
    """A model that marks entities in the tokens of each row.

    Parameters
    ----------
    tagging : Tagging
    data : EvaluationSet
        Of entities; it must name the column of the tokens.
    types : mapping of str to str
        The data's type for the model's types; others are left out, and told. Empty: they are the same.
    """

    tagging: Tagging
    data: EvaluationSet
    types: Mapping[str, str] = field(default_factory=dict)
    left: Counter[str] = field(default_factory=Counter)

    task = "ner"
    classes = ()
    whole = False
    probability = True

    def __post_init__(self) -> None:
        if self.data.tokens is None:
            raise InputError("data.tokens: a model that is run here needs the column of the tokens")
        assert isinstance(self.data.outcome, Entities)
        self.columns = [self.data.tokens]

    @property
    def unchangeable(self) -> str:
        """Why no recipe changes it."""
        return "recipes for models of entities are not built yet"

    def score(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Scored:
        """Mark the entities of some rows."""

        def row(place: int) -> str:
            return f"row {place + 1 if ids is None else ids[place].as_py()}"

        where = f"tokens column '{self.data.tokens}'"
        flat, sizes = parts_of(batch.column(self.data.tokens), where, row)
        ends = np.cumsum(sizes)
        tokens = [str(token) for token in flat.to_pylist()]
        sentences = [
            tokens[end - size : end] for size, end in zip(sizes.tolist(), ends.tolist(), strict=True)
        ]
        if self.data.tags in batch.schema.names:
            true = parts_of(batch.column(self.data.tags), f"tags column '{self.data.tags}'", row)[1]
            check_lengths(true, sizes, (f"tags column '{self.data.tags}'", where), row)
        said = [written(self._named(found)) for found in self.tagging.spans(sentences)]
        return Scored(np.array(said, object), None)

    def _named(self, found: Sequence[Span]) -> list[Span]:
        """Entities with the types of the data."""
        if not self.types:
            return list(found)
        self.left.update(one.type for one in found if one.type not in self.types)
        return [one._replace(type=self.types[one.type]) for one in found if one.type in self.types]

    def describe(self) -> dict[str, Any]:
        """Return what the report says of it, and tell the types that were left out."""
        if self.left:
            note = tell(
                "Entities of types that model.types does not name were left out: {values}.",
                values=", ".join(f"{name} ({n:,})" for name, n in self.left.most_common()),
            )
            self.data.notes += [] if note in self.data.notes else [note]
        told = {"types": dict(self.types)} if self.types else {}
        return {**self.tagging.describe(), **told}
