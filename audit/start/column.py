"""What a column holds: looked at once, so that its role can be told from its values too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...datasets.columns import word
from ...datasets.missing import WORDS
from .tagged import Tagged, tagged

MOST = 1000
"""Distinct values that are kept by name."""
NOT_KNOWN = {"?", "-", "--", ".", "missing", "n.a.", *(word.casefold() for word in WORDS)}
"""Texts that people write for a value that is not there; whether one is, is asked."""
DATE = r"^\s*\d{4}-\d{2}-\d{2}|^\s*\d{1,2}[./]\d{1,2}[./]\d{2,4}\s*$"
NUMBER = re.compile(r"\s*[+-]?\d+([.,]\d+)?\s*")


@dataclass(frozen=True)
class Look:
    """A column as it was seen.

    Attributes
    ----------
    kind : str
        'number', 'text', 'flag', 'date', 'nested', 'bytes' or 'blank'.
    values : mapping of str to int
        Rows of each value, as words, the most frequent first; empty beyond `MOST` of them.
    distinct, nulls, rows : int
    low, high : float
        Of numbers.
    whole : bool
        All numbers are integers.
    length : float
        Mean number of characters of text.
    spaced : float
        Share of texts with several words.
    tagged : Tagged or None
        What lists of words hold, or text of tags.
    """

    name: str
    kind: str
    rows: int
    nulls: int = 0
    distinct: int = 0
    values: Mapping[str, int] = field(default_factory=dict)
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    length: float = 0.0
    spaced: float = 0.0
    rising: bool = False
    tagged: Tagged | None = None

    @property
    def unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.rows > 1 and not self.nulls and self.distinct == self.rows

    @property
    def two(self) -> bool:
        """Whether there are two classes, a word for 'not known' aside."""
        return self.kind in ("number", "text", "flag") and len(self.known) == 2

    @property
    def known(self) -> list[str]:
        """The values but for words that mean 'not known'."""
        return [v for v in self.values if v.strip().casefold() not in NOT_KNOWN]

    @property
    def unknown_words(self) -> list[str]:
        """Words among the values that may mean 'not known'."""
        return sorted(v for v in self.values if v.strip().casefold() in NOT_KNOWN)

    @property
    def stray_words(self) -> list[str]:
        """Words in a column of text that would be numbers without them; empty where it is no such column."""
        if self.kind != "text" or not self.values:
            return []
        words = [v for v in self.values if not NUMBER.fullmatch(v)]
        rows = sum(self.values[v] for v in words)
        return words if words and rows <= 0.2 * (self.rows - self.nulls) and len(words) <= 10 else []

    @property
    def numbers_but_for_unknown(self) -> bool:
        """Whether it is text only for words that mean 'not known', so that numbers can be cut."""
        return bool(self.stray_words) and set(self.stray_words) <= set(self.unknown_words)

    @property
    def prose(self) -> bool:
        """Whether it is text that people wrote, rather than categories."""
        return self.kind == "text" and self.spaced > 0.5 and self.length > 20 and self.distinct > 20


def look_at(name: str, column: pa.ChunkedArray) -> Look:
    """Look at a column."""
    rows, kind = len(column), column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    nulls = column.null_count
    if nulls == rows:
        return Look(name, "blank", rows, nulls)
    if pa.types.is_nested(kind):
        return Look(name, "nested", rows, nulls, tagged=tagged(column))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return Look(name, "bytes", rows, nulls)
    if pa.types.is_temporal(kind):
        return Look(name, "date", rows, nulls, pc.count_distinct(column).as_py())
    if pa.types.is_boolean(kind):
        return Look(
            name, "flag", rows, nulls, values=_values(column), distinct=len(column.unique().drop_null())
        )
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _numbers(name, column, nulls)
    return _texts(name, column.cast(pa.string()), nulls)


def _values(column: pa.ChunkedArray) -> dict[str, int]:
    counted = sorted(
        (v for v in column.drop_null().value_counts().to_pylist() if v["values"] == v["values"]),
        key=lambda v: (-v["counts"], str(v["values"])),
    )
    found: dict[str, int] = {}
    for value in counted:
        found[word(value["values"])] = found.get(word(value["values"]), 0) + int(value["counts"])
    return found


def _numbers(name: str, column: pa.ChunkedArray, nulls: int) -> Look:
    numbers = column.cast(pa.float64(), safe=False).drop_null()
    held: NDArray[np.float64] = numbers.to_numpy()
    held = held[np.isfinite(held)]
    if not len(held):
        return Look(name, "blank", len(column), len(column))
    distinct = pc.count_distinct(column, mode="only_valid").as_py()
    return Look(
        name, "number", len(column), len(column) - len(held), distinct,
        _values(column) if distinct <= MOST else {}, float(held.min()), float(held.max()),
        bool((held == np.floor(held)).all()), rising=bool((np.diff(held) == 1).all()),
    )  # fmt: skip


def _texts(name: str, column: pa.ChunkedArray, nulls: int) -> Look:
    distinct = pc.count_distinct(column, mode="only_valid").as_py()
    lengths = pc.mean(pc.utf8_length(column)).as_py() or 0.0
    spaced = (
        pc.mean(pc.match_substring(pc.utf8_trim_whitespace(column), " ").cast(pa.float64())).as_py() or 0.0
    )
    values = _values(column) if distinct <= MOST else {}
    dates = _share(pc.match_substring_regex(column, DATE))
    kind = "date" if dates > 0.9 else "text"
    held = tagged(column) if spaced else None
    return Look(name, kind, len(column), nulls, distinct, values, length=lengths, spaced=spaced, tagged=held)


def _share(true: pa.ChunkedArray) -> float:
    return pc.mean(true.cast(pa.float64())).as_py() or 0.0
