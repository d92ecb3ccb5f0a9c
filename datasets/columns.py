"""Columns with a role, checked and brought to one form batch by batch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .alike import warn_alike, warn_totals
from .errors import InputError, number_of
from .missing import check_reserved
from .numbers import is_text, missing_in, numbers
from .read import nearest
from .spelling import spelled
from .spelling import word as word

MAX_VALUES = 100
MAX_WORD = 1_000
"""Characters of a value of a sensitive feature: it stands in every table, chart and file of the report."""
UNIQUE_ROWS = 10_000_000
Scalar = str | int | float | bool


def canonical(text: str) -> str:
    """Return one spelling of a value that tools write differently: True and true, 01, 1 and 1.0."""
    if text in ("True", "False"):
        return text.lower()
    return word(float(text)) if re.fullmatch(r"-?\d{1,15}(\.\d+)?", text) else text


def meant(value: Scalar, known: Iterable[str]) -> str:
    """Return the slice value that one from a configuration means: the same word, else the same value.

    YAML reads true, 1.0 and 2020-01-01 as what they are, and a table may write them True, 1 and
    2020-01-01 00:00:00. Where none of the ``known`` values, or more than one, is meant, the word itself.
    """
    text = word(value)
    known = list(known)
    same = [other for other in known if _value(other) == _value(text)]
    return same[0] if len(same) == 1 and text not in known else text


def _value(text: str) -> str:
    """One spelling of a truth value, a number or a day; 01 is no number."""
    if text.lower() in ("true", "false"):
        return text.lower()
    if re.fullmatch(r"-?(0|[1-9]\d{0,14})(\.\d+)?", text):
        return word(float(text))
    return re.sub(r"(?<=^\d{4}-\d\d-\d\d)[T ]00:00(:00(\.0+)?)?$", "", text)


def plain(column: pa.Array | pa.ChunkedArray, name: str) -> None:
    """InputError for a column of nested values, or of text that is no UTF-8."""
    if pa.types.is_nested(column.type):
        raise InputError(f"column '{name}': expected one value per row, got {column.type}")
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        raise InputError(f"column '{name}': expected UTF-8 text: {' '.join(str(error).split())}") from None


def words(column: pa.Array) -> pa.DictionaryArray:
    """Return a column as dictionary-encoded text; null, '' and NaN become null."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_integer(column.type) and not column.null_count and len(column):
        column = _few_integers(column.to_numpy())
    while pa.types.is_dictionary(column.type) and pa.types.is_dictionary(column.type.value_type):
        column = column.dictionary_decode()
    if not pa.types.is_dictionary(column.type):
        column = _few_halves(column) if column.type == pa.float16() else column.dictionary_encode()
    texts = spelled(column.dictionary)
    texts = pc.if_else(pc.equal(texts, ""), None, texts)
    distinct = texts.dictionary_encode()
    indices = column.indices
    if indices.type == pa.int32() and distinct.dictionary.equals(column.dictionary):
        return column
    if distinct.null_count or len(distinct.dictionary) < len(texts):
        indices = distinct.indices.take(indices)
    return pa.DictionaryArray.from_arrays(indices.cast(pa.int32()), distinct.dictionary)


def _few_halves(column: pa.Array) -> pa.DictionaryArray:
    """Encode numbers of half precision, which pyarrow does not."""
    wide = column.cast(pa.float32()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(wide.indices, wide.dictionary.cast(pa.float16()))


def _few_integers(values: NDArray[np.integer[Any]]) -> pa.Array:
    """Encode integers of a narrow range, such as classes, by their distance from the least."""
    least, most = int(values.min()), int(values.max())
    if most - least > 1000:
        return pa.array(values)
    wide = values if values.dtype == np.uint64 else values.astype(np.int64)
    codes = (wide - wide.dtype.type(least)).astype(np.int32)
    held = np.flatnonzero(np.bincount(codes, minlength=most - least + 1))
    place = np.zeros(most - least + 1, np.int32)
    place[held] = np.arange(len(held))
    return pa.DictionaryArray.from_arrays(place[codes], held.astype(wide.dtype) + wide.dtype.type(least))


def _plain_text(column: pa.Array) -> pa.Array:
    """A column without a dictionary of text."""
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def word_counts(columns: Iterable[pa.Array]) -> dict[str, int]:
    """Return the rows of each value of a column of text, as it is written."""
    found = pa.chunked_array([_plain_text(column) for column in columns]).value_counts()
    return {v["values"]: int(v["counts"]) for v in found.to_pylist() if v["values"] is not None}


def levels(column: pa.Array) -> list[str]:
    """Return the distinct values of a column of text, at least."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary
    if not is_text(column.type):
        return []
    return [value for value in column.unique().to_pylist() if value is not None]


def clusters(column: pa.Array) -> pa.Array:
    """Return clusters as they came where they are whole numbers, else in the one spelling, as text."""
    if pa.types.is_dictionary(column.type):
        return words(column)
    return column if pa.types.is_integer(column.type) else spelled(column)


def listed(values: Sequence[str], most: int = 8) -> str:
    """Return some values in words, quoted, the first few of many."""
    shown = ", ".join(repr(v) for v in values[:most])
    return shown + (f" and {len(values) - most} more" if len(values) > most else "")


@dataclass
class Sensitive:
    """A sensitive feature: text values, or a number cut at ``edges``.

    ``merge`` maps the name of a slice to the values that are one with it.
    """

    column: str
    edges: Sequence[float] = ()
    merge: Mapping[str, Sequence[str]] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)
    unknown: int = 0

    def read(self, column: pa.Array, counts: NDArray[np.int64] | None = None) -> pa.DictionaryArray:
        """Return the slice value of each row; missing values stay null and are counted."""
        encoded = self._cut(column) if self.edges else self._merged(words(column))
        names, indices = encoded.dictionary.to_pylist(), encoded.indices
        codes = (indices.fill_null(len(names)) if indices.null_count else indices).to_numpy()
        totals = np.bincount(codes, counts, len(names) + 1)
        self.unknown += int(totals[-1])
        for value, total in zip(names, totals[:-1].tolist(), strict=True):
            if total:
                self.values[value] = self.values.get(value, 0) + int(total)
        check_reserved(self.column, "sensitive", self.values)
        if len(self.values) > MAX_VALUES:
            raise InputError(
                f"sensitive column '{self.column}' has more than {MAX_VALUES} distinct values, such as "
                f"{listed(list(self.values), 3)}; a number can be cut with data.bins, other columns need "
                "fewer values"
            )
        return encoded

    def warnings(self, first: Mapping[str, int]) -> list[str]:
        """What is to be told of the values seen; ``first`` has the first row of each, 0 where not known."""
        if self.edges:
            return []
        known = {value: row for value, row in first.items() if row}
        return warn_alike(self.column, list(self.values)) + warn_totals(self.column, self.values, known)

    def _merged(self, encoded: pa.DictionaryArray) -> pa.DictionaryArray:
        if not self.merge:
            return encoded
        kept = {value: name for name, values in self.merge.items() for value in values}
        named = [kept.get(value, value) for value in encoded.dictionary.to_pylist()]
        return words(pa.DictionaryArray.from_arrays(encoded.indices, pa.array(named, pa.string())))

    def _cut(self, column: pa.Array) -> pa.DictionaryArray:
        values = numbers(column, f"data.bins.{self.column}: expected a column of numbers", self.column)
        codes = np.searchsorted(np.asarray(self.edges, float), values, side="right")
        indices = pa.array(codes.astype(np.int32), mask=np.isnan(values))
        return pa.DictionaryArray.from_arrays(indices, pa.array(bin_names(self.edges)))


def check_names(feature: str, values: Sequence[str]) -> None:
    """InputError for a value of a sensitive feature that is too long to name a slice."""
    longest = max(values, key=len)
    if len(longest) > MAX_WORD:
        raise InputError(
            f"sensitive column '{feature}' holds a text of {len(longest):,} characters; expected at most "
            f"{MAX_WORD:,}, as a value names a slice"
        )


def bin_names(edges: Sequence[float]) -> list[str]:
    """Return the names of the bins cut at ``edges``: 'under 30', '30 to under 45', '45 and over'."""
    marks = [word(float(e)) for e in edges]
    middle = [f"{a} to under {b}" for a, b in pairwise(marks)]
    return [f"under {marks[0]}", *middle, f"{marks[-1]} and over"]


@dataclass
class Ascending:
    """Watches whether ids come in strictly ascending order, which proves them unique for free.

    Text is in order by itself (``a``, ``ab``, ``b``) or by its length first, as numbers are (``9``, ``10``).
    """

    column: str
    rows: int = 0
    _orders: dict[bool, bool] = field(default_factory=lambda: {False: True, True: True})
    _last: pa.Array | None = None

    @property
    def strict(self) -> bool:
        """Whether every id so far came after the one before it, in one order."""
        return any(self._orders.values())

    def add(self, ids: pa.Array) -> None:
        """Take the ids of a batch; InputError for a missing id."""
        if ids.null_count:
            raise missing_in(f"id column '{self.column}'", self.column, ids.null_count)
        if not len(ids):
            return
        self.rows += len(ids)
        if not self.strict:
            return
        # The last id of the batch before and the first one, then all of the batch: nothing is copied.
        if self._last is not None:
            self._compare(self._last, ids[:1])
        self._compare(ids[:-1], ids[1:])
        self._last = ids[-1:]

    def _compare(self, before: pa.Array, after: pa.Array) -> None:
        rises = pc.less(before, after)
        self._orders[False] &= pc.all(rises).as_py() is not False
        if pa.types.is_string(before.type) and self._orders[True]:
            size, other = pc.utf8_length(before), pc.utf8_length(after)
            longer, alike = pc.less(size, other), pc.equal(size, other)
            self._orders[True] = pc.all(pc.or_(longer, pc.and_(alike, rises))).as_py() is not False
        else:
            self._orders[True] &= self._orders[False]


def check_unique(batches: Callable[[], Iterator[pa.Array]], rows: int, column: str, where: str) -> None:
    """InputError when an id occurs twice, naming the first few; exact, in bounded memory.

    Parameters
    ----------
    batches : callable
        Gives the ids from the start each time it is called: many rows are checked part by part.
    rows : int
        How many ids there are.
    """
    parts = 1 + rows // UNIQUE_ROWS
    twice: list[str] = []
    number = 0
    for part in range(parts):
        mine = [ids if parts == 1 else _part(ids, part, parts) for ids in batches()]
        found = pa.chunked_array(mine).value_counts() if mine else pa.array([])
        repeated = found.filter(pc.greater(pc.struct_field(found, "counts"), 1)) if len(found) else found
        number += len(repeated)
        twice += [str(v["values"]) for v in repeated.slice(0, 5).to_pylist()]
    if number:
        raise InputError(
            f"{where}: {number_of(number, 'id')} of column '{column}' {'occurs' if number == 1 else 'occur'} "
            f"more than once, such as {listed(twice, 5)}; expected one row per id"
        )


def _part(ids: pa.Array, part: int, parts: int) -> pa.Array:
    import pandas as pd

    codes = pd.util.hash_array(ids.to_numpy(zero_copy_only=False), categorize=False)
    return ids.filter(pa.array(codes % np.uint64(parts) == part))


def no_column(name: str, known: Sequence[str], where: str, key: str) -> InputError:
    """Return the error for a column that a table lacks."""
    hint = nearest(name, known) or f"; it has {', '.join(known[:10])}{' ...' if len(known) > 10 else ''}"
    return InputError(f"{key}: no column '{name}' in {where}{hint}")
