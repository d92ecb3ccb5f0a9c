"""Entities of sentences: tags of their tokens, read as the spans that they mark."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..spans import written
from ..told import tell, tell_n
from .classes import MOST_CLASSES, check_free
from .errors import InputError, number_of
from .numbers import decoded, is_text
from .span_columns import SpanColumn, check_ends
from .tags import OUTSIDE, Matching, Scheme, entities, faulty

MOST_TOKENS = 100_000
"""Of a sentence."""
Row = Callable[[int], str]
"""Names a row of those read, for a message."""


@dataclass
class TagColumn:
    """A column with the tags of each row's tokens: a list, or text with white space between them.

    Parameters
    ----------
    column : str
    role : str
        What it is called in messages, such as "tags".
    scheme, matching : str
        How tags are read as entities.

    Attributes
    ----------
    found : Counter
        Entities by their type.
    marks : Counter
        Tags by what stands before their type.
    strays : int
        Tags that stand where the scheme does not allow them.
    first : int
        The first row with one, counted from 1.
    rows : int
        Those read.
    """

    column: str
    role: str
    scheme: Scheme
    matching: Matching
    found: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    strays: int = 0
    first: int = 0
    rows: int = 0

    exact = True

    @property
    def where(self) -> str:
        """The column, for messages."""
        return f"{self.role} column '{self.column}'"

    def read(self, column: pa.Array, row: Row) -> tuple[pa.Array, NDArray[np.int64]]:
        """Read the entities of each row, as text, and how many tokens it has; InputError names a row."""
        flat, lengths = parts_of(column, self.where, row)
        tags = flat.to_pylist()
        self._check(tags, np.repeat(np.arange(len(lengths)), lengths), row)
        texts, start = [], 0
        for place, size in enumerate(lengths.tolist()):
            texts.append(self._entities(tags[start : start + size], place))
            start += size
        self.rows += len(texts)
        if len(self.found) > MOST_CLASSES:
            raise InputError(
                f"{self.where} holds entities of {len(self.found):,} types, expected at most {MOST_CLASSES}"
            )
        return pa.array(texts, pa.string()), lengths

    def _entities(self, tags: list[str], place: int) -> str:
        spans, strays = entities(tags, self.scheme, self.matching)
        self.found.update(one.type for one in spans)
        if strays and not self.strays:
            self.first = self.rows + place + 1
        self.strays += strays
        return written(spans)

    def _check(self, tags: list[Any], rows: NDArray[np.int64], row: Row) -> None:
        """InputError for a tag of another scheme, or a type that has a name of its own elsewhere."""
        for tag, times in Counter(tags).items():
            if told := faulty(tag, self.scheme):
                raise InputError(f"{self.where}: {told} in {row(int(rows[tags.index(tag)]))}")
            self.marks[tag[:1]] += times
        check_free({tag.partition("-")[2] for tag in set(tags) if tag != OUTSIDE}, self.where)

    @property
    def without_beginning(self) -> bool:
        """Whether tags are of entities that no tag begins, as the scheme would have it."""
        return self.scheme == "iob2" and bool(self.marks["I"]) and not self.marks["B"]

    def warnings(self) -> list[str]:
        """What is to be told of the tags read: those that stand where the scheme does not allow them."""
        if not self.strays:
            return []
        row = f"{self.first:,}"
        values = {"n": f"{self.strays:,}", "column": self.column, "scheme": self.scheme, "row": row}
        if self.matching == "conll":
            return [
                tell_n(
                    "{n} tag of column {column} does not follow the scheme {scheme} (row {row}): it begins "
                    "an entity, as in conlleval.",
                    "{n} tags of column {column} do not follow the scheme {scheme} (the first in row "
                    "{row}): each begins an entity, as in conlleval.",
                    self.strays, **values,
                )
            ]  # fmt: skip
        return [
            tell_n(
                "{n} tag of column {column} does not follow the scheme {scheme} (row {row}): it is in no "
                "entity; data.matching: conll would begin one there.",
                "{n} tags of column {column} do not follow the scheme {scheme} (the first in row {row}): "
                "they are in no entity; data.matching: conll would begin entities there.",
                self.strays, **values,
            )
        ]  # fmt: skip


def parts_of(column: pa.Array, where: str, row: Row) -> tuple[pa.Array, NDArray[np.int64]]:
    """The tokens or tags of all rows in one array, and how many each row has; InputError for none."""
    column = decoded(column)
    if is_text(column.type):
        column = split_lists(column, where, row)
    if not _is_list(column.type):
        raise InputError(f"{where}: expected a list for each row, or text, got {column.type}")
    if column.null_count:
        place = pc.index(column.is_null(), pa.scalar(True)).as_py()
        raise InputError(f"{where}: expected a list in every row, got none in {row(place)}")
    sizes = pc.list_value_length(column).to_numpy(zero_copy_only=False).astype(np.int64)
    if sizes.max(initial=0) > MOST_TOKENS:
        place = int(np.argmax(sizes))
        raise InputError(
            f"{where}: expected at most {MOST_TOKENS:,} tokens, got {sizes[place]:,} in {row(place)}"
        )
    flat = decoded(pc.list_flatten(column))
    if pa.types.is_null(flat.type) and not len(flat):
        # Where every row is empty, nothing says what stands in one.
        flat = flat.cast(pa.string())
    if not is_text(flat.type):
        raise InputError(
            f"{where}: expected lists of words such as B-PER and O, got {column.type}; names stand in the "
            "place of numbers"
        )
    return flat, sizes


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def split_lists(column: pa.Array, where: str, row: Row) -> pa.Array:
    """Texts with white space between their parts, or lists as JSON or Python write them, as lists."""
    out: list[list[str] | None] = []
    for place, text in enumerate(column.to_pylist()):
        if text is None:
            out.append(None)
            continue
        text = text.strip()
        out.append(_literal(text, where, row(place)) if text.startswith("[") else text.split())
    return pa.array(out, pa.list_(pa.string()))


def _literal(text: str, where: str, row: str) -> list[str]:
    try:
        found = ast.literal_eval(text) if len(text) < 20 * MOST_TOKENS else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise InputError(f'{where}: expected a list such as ["O", "B-PER"], got {text[:60]!r} in {row}')
    return found


def check_lengths(one: NDArray[np.int64], other: NDArray[np.int64], what: tuple[str, str], row: Row) -> None:
    """InputError where a row has not as many of one as of the other, naming it."""
    apart = one != other
    if not apart.any():
        return
    place, rows = int(np.argmax(apart)), int(apart.sum())
    more = f" (and {number_of(rows - 1, 'more such row')})" if rows > 1 else ""
    raise InputError(
        f"{what[0]}: expected as many as in {what[1]}, got {one[place]:,} beside {other[place]:,} in "
        f"{row(place)}{more}"
    )


@dataclass
class Entities:
    """The true entities of each row, a sentence or a document.

    Parameters
    ----------
    tags : str, optional
        Column of the tags of its tokens.
    tokens : str, optional
        Column of the tokens, of which there are as many.
    scheme, matching : str
        How tags are read as entities.
    spans : str, optional
        Column of the entities themselves, in place of tags.
    text : str, optional
        Column of the text whose characters these are counted by, in place of tokens.

    Attributes
    ----------
    empty, first : int
        Rows without any token, and the first of them.
    """

    tags: str | None
    tokens: str | None = None
    scheme: Scheme = "iob2"
    matching: Matching = "strict"
    spans: str | None = None
    text: str | None = None
    rows: int = 0
    empty: int = 0
    first: int = 0

    task = "ner"
    ahead = ids = named = names = ()
    reserved = ("y_pred",)

    def __post_init__(self) -> None:
        self.read = self.column(self.spans or str(self.tags), "spans" if self.spans else "tags")

    def column(self, name: str, role: str) -> TagColumn | SpanColumn:
        """How a column of entities is read that are told as the true ones are."""
        if self.spans is not None:
            return SpanColumn(name, role)
        return TagColumn(name, role, self.scheme, self.matching)

    @property
    def texts(self) -> list[str]:
        """The text, which a file gives as it is written."""
        return [self.text] if self.text else []

    @property
    def columns(self) -> list[str]:
        """The columns."""
        return [name for name in (self.tags, self.tokens, self.spans, self.text) if name]

    @property
    def beside(self) -> str:
        """The column that says how long a row is; that of the entities where none does."""
        return self.tokens or self.text or self.spans or str(self.tags)

    def look(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Nothing is to be known before the first row."""

    def accept(self, column: pa.Array, name: str) -> None:
        """What a column may hold is seen where it is read, with its row."""

    def truth(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """The outcome column of a predictions table: ``y_true``, the entities of each row as text."""

        def row(place: int) -> str:
            return f"row {self.rows + place + 1:,}"

        texts, lengths = self.read.read(batch.column(self.read.column), row)
        sizes = self.check(self.read, lengths, batch.column(self.beside), row)
        if sizes is not None and (sizes == 0).any():
            self.first = self.first or self.rows + int(np.argmin(sizes)) + 1
            self.empty += int((sizes == 0).sum())
        self.rows += batch.num_rows
        return {"y_true": texts}

    def check(
        self, read: TagColumn | SpanColumn, lengths: NDArray[np.int64], beside: pa.Array, row: Row
    ) -> NDArray[np.int64] | None:
        """Hold entities against the tokens or characters of their rows, where a column has them.

        Parameters
        ----------
        lengths : int array of shape (rows,)
            Tags of each row, or where its last span ends.
        beside : pyarrow.Array
            The column `beside`.

        Returns
        -------
        int array of shape (rows,) or None
            Tokens or characters of each row; None where no column has them.
        """
        if self.spans is not None and self.beside == self.spans:
            return None
        role = "tokens" if self.tokens else "text" if self.text else "tags"
        where = f"{role} column '{self.beside}'"
        sizes = characters(beside, where, row) if self.text else parts_of(beside, where, row)[1]
        if self.spans is not None:
            check_ends(lengths, sizes, (read.where, where), row, "characters" if self.text else "tokens")
        elif read.column != self.beside:
            check_lengths(lengths, sizes, (read.where, where), row)
        return sizes

    def learned(self, truth: Mapping[str, pa.Array]) -> NDArray[Any]:
        """Nothing is learned from entities here."""
        raise InputError("data.tags: models of entities are not trained here")

    def check_learnable(self) -> None:
        """Nothing is learned from them."""

    def check_whole(self, batches: Callable[[], Iterator[pa.RecordBatch]], where: str) -> None:
        """InputError where no tag begins an entity as the scheme would have it."""
        if isinstance(self.read, TagColumn) and self.read.without_beginning:
            raise InputError(
                f"{self.read.where}: none of {self.read.marks['I']:,} tags of entities begins one with B-, "
                "which the scheme iob2 asks for; expected data.scheme: io or iob1"
            )

    def warnings(self) -> list[str]:
        """What is to be told: tags that the scheme does not allow, no entity at all, empty rows."""
        told = self.read.warnings()
        if not self.read.found and self.rows:
            told.append(
                tell("Column {column} marks no entity: recall has no value.", column=self.read.column)
            )
        if self.empty:
            told.append(
                tell_n(
                    "{n} row has no token (row {row}): it counts as a row without entities.",
                    "{n} rows have no token (the first is row {row}): they count as rows without entities.",
                    self.empty, n=f"{self.empty:,}", row=f"{self.first:,}",
                )
            )  # fmt: skip
        return told

    @property
    def never(self) -> dict[str, list[str]]:
        """No values of it are named anywhere."""
        return {}


def characters(column: pa.Array, where: str, row: Row) -> NDArray[np.int64]:
    """How many characters each text has; InputError for what is no text, or missing."""
    column = decoded(column)
    if not is_text(column.type):
        raise InputError(f"{where}: expected text, got {column.type}")
    if column.null_count:
        place = pc.index(column.is_null(), pa.scalar(True)).as_py()
        raise InputError(f"{where}: expected a text in every row, got none in {row(place)}")
    return np.asarray(pc.utf8_length(column).to_numpy(zero_copy_only=False), np.int64)
