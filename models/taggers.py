"""Models that tag the tokens of sentences: what they mark as entities, with the types of the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from ..datasets.entities import Entities, parts_of
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

    def score(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Scored:
        """Mark the entities of some rows."""
        sentences = sentences_of(batch, self.columns[0], ids)
        said = [written(named(found, self.types, self.left)) for found in self.tagging.spans(sentences)]
        return Scored(np.array(said, object), None)

    def describe(self) -> dict[str, Any]:
        """Return what the report says of it, and tell the types that were left out."""
        types_left(self.left, self.data.notes)
        told = {"types": dict(self.types)} if self.types else {}
        return {**self.tagging.describe(), **told}


def sentences_of(batch: pa.RecordBatch, column: str, ids: pa.Array | None) -> list[list[str]]:
    """The tokens of each row of a batch; InputError for a row without any."""

    def row(place: int) -> str:
        return f"row {place + 1}" if ids is None else f"the row of id {ids[place].as_py()!r}"

    flat, sizes = parts_of(batch.column(column), f"tokens column '{column}'", row)
    tokens, ends = [str(token) for token in flat.to_pylist()], np.cumsum(sizes)
    return [tokens[end - size : end] for size, end in zip(sizes.tolist(), ends.tolist(), strict=True)]


def named(found: Sequence[Span], types: Mapping[str, str], left: Counter[str]) -> list[Span]:
    """Entities with the types of the data; those that ``types`` does not name are counted in ``left``."""
    if not types:
        return list(found)
    left.update(one.type for one in found if one.type not in types)
    return [one._replace(type=types[one.type]) for one in found if one.type in types]


def types_left(left: Counter[str], notes: list[str]) -> None:
    """Tell the types that were left out."""
    if not left:
        return
    note = tell(
        "Entities of types that model.types does not name were left out: {values}.",
        values=", ".join(f"{name} ({n:,})" for name, n in left.most_common()),
    )
    notes += [] if note in notes else [note]
