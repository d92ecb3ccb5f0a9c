"""Columns of numbers: what counts as one, and what stands among them that is none.

A column's type is what its values are. Decimals are numbers, also as text, and whatever Arrow wraps around
them; a word among numbers is told with its row and never makes categories of the column.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .errors import InputError

Kind = Literal["number", "category", "empty"]

_NUMBER = r"^\s*[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:inf|infinity|nan))\s*$"
_CODE = r"^\s*[+-]?0[0-9]"
"""Digits behind a zero: ``007`` is a code and no number."""
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[,.'\s]\d{3})+(?:[.,]\d+)?|[+-]?\d+,\d+")
"""A number with separators of thousands or a decimal comma."""
_DRESSED = re.compile(
    r"[(]?[+\-\u2212]?\s*[$€£¥₹]?\s*[+\-\u2212]?\s*\d[\d.,'\s]*(?:[eE][+-]?\d+)?\s*(?:%|‰|[$€£¥₹])?\s*[-)]?"
)
"""A number with a currency, a percent sign, brackets or another minus around it."""
FEW = 20
"""Different values up to which dressed numbers may be the names of classes, such as '10 %' and '20 %'."""
_NOT_KNOWN = re.compile(
    r"\W*|[<#]?n\W?[ad]\W?|nan|nil|null|none|nat|unk|unknown|missing|not (?:known|available|applicable)"
    r"|#\w+[!?]",
    re.IGNORECASE,
)
"""Words that stand for a value that is not known, or that could not be computed."""


class NotANumberError(InputError):
    """A word where numbers are expected; `at` says in which row."""

    def __init__(self, what: str, column: str, value: str, rest: str = "", where: str = "") -> None:
        self.what, self.column, self.value, self.rest, self.where = what, column, value, rest, where
        super().__init__(f"{what}, got string {_short(value)}{where}{rest}{_hint(value)}")

    def at(self, place: str) -> NotANumberError:
        """The same error with the place of the value, such as 'row 3 of people.csv', if it has none yet."""
        if self.where:
            return self
        return NotANumberError(self.what, self.column, self.value, self.rest, f" in {place}" if place else "")


def _short(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:57] + "...")


def _hint(value: str) -> str:
    value = value.strip()
    if _GROUPED.fullmatch(value):
        return "; write numbers without separators of thousands and with a decimal point"
    if _DRESSED.fullmatch(value):
        return "; write numbers without a currency or percent sign, the minus in front"
    return ""


def row_of(value: str, column: str, batches: Iterable[pa.RecordBatch | pa.Table]) -> str:
    """Return 'row N', counted from 1, for the first row in which a text stands; '' where there is none."""
    start = 0
    for batch in batches:
        place = pc.index(decoded(batch.column(column)).cast(pa.string()), pa.scalar(value)).as_py()
        if place >= 0:
            return f"row {start + place + 1:,}"
        start += batch.num_rows
    return ""


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a type holds numbers, in a dictionary or not; booleans are none."""
    if pa.types.is_dictionary(kind):
        return is_numeric(kind.value_type)
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def is_text(kind: pa.DataType) -> bool:
    """Whether a type holds text, in a dictionary or not."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def decoded(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column as one array of its own values, without a dictionary."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    while pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column


def numbers(column: pa.Array | pa.ChunkedArray, what: str, name: str) -> NDArray[np.float64]:
    """Return a column as numbers, nan where a value is missing.

    Parameters
    ----------
    what : str
        What the column is and what was expected, such as ``score column 'p': expected numbers``.
    name : str
        The column.

    Raises
    ------
    NotANumberError
        A text that is no number; its first one is named.
    InputError
        A column of another type, such as dates.
    """
    column = decoded(column)
    kind = column.type
    if is_text(kind):
        column = _parsed(column.cast(pa.string()), what, name)
    elif not (is_numeric(kind) or pa.types.is_null(kind)):
        raise InputError(f"{what}, got {kind}")
    values = column.cast(pa.float64(), safe=False).fill_null(float("nan"))
    return np.asarray(values.to_numpy(zero_copy_only=False))


def _parsed(texts: pa.Array, what: str, name: str) -> pa.Array:
    empty = pc.equal(pc.utf8_trim_whitespace(texts), "")
    texts = pc.if_else(empty, None, texts)
    wrong = texts.filter(pc.invert(pc.match_substring_regex(texts, _NUMBER)))
    if len(wrong):
        more = f" (and {len(wrong) - 1:,} more such rows)" if len(wrong) > 1 else ""
        raise NotANumberError(what, name, wrong[0].as_py(), more)
    return pa.array([None if v is None else float(v) for v in texts.to_pylist()], pa.float64())


def kind_of(column: pa.Array | pa.ChunkedArray, name: str) -> Kind:
    """Say what the values of a feature column are.

    Text is numbers where all of it is, and categories where none of it is or words outweigh the numbers.
    Words that stand for a value that is not known, and numbers with separators, are no such words.

    Raises
    ------
    NotANumberError
        Words among numbers: which of the two the column is must be said.
    InputError
        A column of lists or records.
    """
    column = decoded(column)
    kind = column.type
    if pa.types.is_nested(kind):
        raise InputError(
            f"feature column '{name}': expected one value per row, got {kind}; name the columns that the "
            "model may see in model.features"
        )
    if column.null_count == len(column):
        return "empty"
    if is_numeric(kind):
        return "empty" if bool(np.isnan(numbers(column, "", name)).all()) else "number"
    if pa.types.is_boolean(kind):
        return "number"
    return _kind_of_text(column.cast(pa.string()), name) if is_text(kind) else "category"


def _kind_of_text(column: pa.Array, name: str) -> Kind:
    found = column.value_counts()
    texts, rows = pc.struct_field(found, "values"), pc.struct_field(found, "counts").to_numpy()
    known = ~np.asarray(pc.fill_null(pc.equal(pc.utf8_trim_whitespace(texts), ""), True))
    number = np.asarray(pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False)) & known
    coded = np.asarray(pc.fill_null(pc.match_substring_regex(texts, _CODE), False)) & number
    if not known.any():
        return "empty"
    others: list[Any] = texts.filter(pa.array(known & ~number)).to_pylist()
    dressed = [text for text in others if _DRESSED.fullmatch(text.strip())]
    written_otherwise = len(dressed) > max(FEW, len(others) // 2)
    if coded.any() or not (number.any() or written_otherwise):
        return "category"
    if not others:
        return "number"
    counted = dict(zip(others, rows[known & ~number].tolist(), strict=True))
    words = sum(n for text, n in counted.items() if not _stands_for_a_number(text))
    held = int(rows[number].sum())
    if words > held and not written_otherwise:
        return "category"
    shown = ", ".join(_short(v) for v in others[1:4]) + (" ..." if len(others) > 4 else "")
    total = sum(counted.values())
    raise NotANumberError(
        f"feature column '{name}': expected numbers",
        name,
        others[0],
        f" ({total:,} of {held + total:,} rows hold words{f', also {shown}' if shown else ''}); if they mean "
        "'not known' list them in data.missing, if the column holds categories list it in data.categorical",
    )


def _stands_for_a_number(text: str) -> bool:
    text = text.strip()
    return bool(_NOT_KNOWN.fullmatch(text) or _GROUPED.fullmatch(text))
