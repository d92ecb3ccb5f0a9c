"""Columns of numbers: what counts as one, and what stands among them that is none.

A column's type is what its values are. Decimals are numbers, also as text, and whatever Arrow wraps around
them; a word among numbers is told with its row and never makes categories of the column.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .errors import InputError, number_of

Kind = Literal["number", "category", "empty"]
DROP = "; every row needs a value (drop those rows, or set data.drop_missing)"
"""What to do about a value that is missing in the data."""

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


class CellError(InputError):
    """A value that a column may not hold; `at` says in which row it stands.

    Attributes
    ----------
    what : str
        The column, and what was expected.
    column : str
    value : str or None
        The value; None where it is missing.
    rest : str
        What else is to be said, behind the place.
    """

    got = ", got {number}"

    def __init__(self, what: str, column: str, value: str | None, rest: str = "", where: str = "") -> None:
        self.what, self.column, self.value, self.rest, self.where = what, column, value, rest, where
        super().__init__(
            f"{what}{self.got.format(value=_short(value or ''), number=value)}{where}{rest}{self.hint()}"
        )

    def hint(self) -> str:
        """What may mend it."""
        return ""

    def at(self, place: str) -> Self:
        """The same error with the place of the value, such as 'row 3 of people.csv', if it has none yet."""
        if self.where or not place:
            return self
        return type(self)(self.what, self.column, self.value, self.rest, f"{self.before}{place}")

    before = " in "
    """What stands before the place."""


class NotANumberError(CellError):
    """A word where numbers are expected."""

    got = ", got string {value}"

    def hint(self) -> str:
        """How numbers are written."""
        return _hint(self.value or "")


class InfiniteError(CellError):
    """A number without end where a model or a figure needs a finite one."""


class MissingError(CellError):
    """No value where every row needs one."""

    got = ""
    before = ", first in "


def missing_in(what: str, column: str, rows: int, hint: str = DROP) -> MissingError:
    """Return the error for a column that is missing in some rows."""
    return MissingError(f"{what} is missing in {number_of(rows, 'row')}", column, None, hint)


def check_finite(values: NDArray[np.floating[Any]], name: str) -> None:
    """InfiniteError for a feature that holds an infinite number; models would refuse it without a name."""
    endless = np.isinf(values)
    if endless.any():
        rows = int(endless.sum())
        more = f" (and {number_of(rows - 1, 'more such row')})" if rows > 1 else ""
        value = f"{values[int(np.argmax(endless))]:g}"
        raise InfiniteError(f"feature column '{name}': expected finite numbers", name, value, more)


def _short(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:57] + "...")


def _hint(value: str) -> str:
    value = value.strip()
    if _GROUPED.fullmatch(value):
        return "; write numbers without separators of thousands and with a decimal point"
    if _DRESSED.fullmatch(value):
        return "; write numbers without a currency or percent sign, the minus in front"
    return ""


def row_of(
    value: str | None,
    column: str,
    batches: Iterable[pa.RecordBatch | pa.Table],
    missing: Sequence[str] = (),
) -> int:
    """Return the number, counted from 1, of the first row in which a value stands; 0 where there is none.

    Parameters
    ----------
    value : str or None
        A text, or a number in whatever spelling; None for a value that is missing.
    missing : sequence of str
        Texts that are missing, besides null.
    """
    start = 0
    for batch in batches:
        place = _index(decoded(batch.column(column)), value, missing)
        if place >= 0:
            return start + place + 1
        start += batch.num_rows
    return 0


def _index(column: pa.Array, value: str | None, missing: Sequence[str]) -> int:
    if value is None:
        here = pc.is_null(column, nan_is_null=pa.types.is_floating(column.type))
        if is_text(column.type) and missing:
            here = pc.or_kleene(here, pc.is_in(column, value_set=pa.array(missing, column.type)))
        return int(pc.index(here, pa.scalar(True)).as_py())
    if re.fullmatch(_NUMBER, value):
        if is_text(column.type):
            known = pc.fill_null(pc.match_substring_regex(column, _NUMBER), False)
            column = _as_floats(pc.if_else(known, column, None))
        if is_numeric(column.type):
            found = pc.equal(as_floats(column), float(value))
            return int(pc.index(found, pa.scalar(True)).as_py())
    return int(pc.index(column.cast(pa.string()), pa.scalar(value)).as_py())


def _as_floats(texts: pa.Array) -> pa.Array:
    return pa.array([None if v is None else float(v) for v in texts.to_pylist()], pa.float64())


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


def as_floats(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return numbers as floats; each decimal as the float nearest to it.

    Arrow's own cast of decimals multiplies by a power of ten and is one digit off for many of them: 0.035
    with six places would lie below a threshold of 0.035.
    """
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.string())
    return column.cast(pa.float64(), safe=False)


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
    values = as_floats(column)
    values = values.fill_null(float("nan")) if values.null_count else values
    return np.asarray(values.to_numpy(zero_copy_only=False))


def _parsed(texts: pa.Array, what: str, name: str) -> pa.Array:
    empty = pc.equal(pc.utf8_trim_whitespace(texts), "")
    texts = pc.if_else(empty, None, texts)
    wrong = texts.filter(pc.invert(pc.match_substring_regex(texts, _NUMBER)))
    # Where numbers have a decimal comma, as the whole file may, what is none at all is what is wrong.
    others = wrong.filter(pc.invert(pc.match_substring_regex(wrong, rf"^\s*(?:{_GROUPED.pattern})\s*$")))
    wrong = others if len(others) else wrong
    if len(wrong):
        more = f" (and {number_of(len(wrong) - 1, 'more such row')})" if len(wrong) > 1 else ""
        raise NotANumberError(what, name, wrong[0].as_py(), more)
    return _as_floats(texts)


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
