"""Columns of lists: whether they hold the tags of tokens, or tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from ...datasets.numbers import is_text
from ...datasets.tags import OUTSIDE, SCHEMES, Scheme, entities, faulty

MOST_ROWS = 500
"""Rows that are looked at."""
CHUNKS = {"NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP"}
"""Types of phrases, which tables of entities have in a column beside them."""


@dataclass(frozen=True)
class Tagged:
    """What a column of lists holds.

    Attributes
    ----------
    scheme : str or None
        That of its tags; None where it holds tokens.
    types : Counter
        Entities by type.
    phrases : bool
        Its types are those of phrases, and no entities'.
    lengths : tuple of int
        Of the lists that were looked at.
    strays : int
        Tags that stand where the scheme does not allow them.
    """

    scheme: Scheme | None
    types: Counter[str] = field(default_factory=Counter)
    lengths: tuple[int, ...] = ()
    strays: int = 0

    @property
    def phrases(self) -> bool:
        """Whether types are those of phrases."""
        return bool(self.types) and set(self.types) <= CHUNKS


def tagged(column: pa.ChunkedArray) -> Tagged | None:
    """Look at a column; None where it holds no lists of words, nor tags in text."""
    some = column.slice(0, MOST_ROWS)
    rows = _lists(some)
    if rows is None or not any(rows):
        return None
    lengths = tuple(len(row) for row in rows)
    every = {tag for row in rows for tag in row}
    fitting: list[Scheme] = [scheme for scheme in SCHEMES if not any(faulty(tag, scheme) for tag in every)]
    if not fitting or every == {OUTSIDE}:
        return None if is_text(some.type) else Tagged(None, lengths=lengths)
    read = {scheme: [entities(row, scheme, "strict") for row in rows] for scheme in fitting}
    strays = {scheme: sum(count for _, count in found) for scheme, found in read.items()}
    # Where no tag begins an entity with B-, io reads all and iob2 none; else the first without a fault is it.
    order = ["io", *fitting] if "io" in fitting else fitting
    best: Scheme = min(order, key=lambda scheme: strays[scheme])
    types = Counter(span.type for found, _ in read[best] for span in found)
    return Tagged(best, types, lengths, strays[best])


def _lists(column: pa.ChunkedArray) -> list[Sequence[str]] | None:
    """The words of each row, of lists of words or of text; None for another column."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if is_text(kind):
        return [text.split() for text in column.to_pylist() if text is not None]
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not lists or not is_text(kind.value_type):
        return None
    return [[str(word) for word in row] for row in column.to_pylist() if row is not None]
