"""Values that a reader would take for one and a table counts as several, and rows that sum up others."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..told import tell, tell_n

MOST = 10_000
"""Distinct values of a column that are compared: of more, no reader sees one by one."""

_TOTALS = (
    "total", "totals", "grand total", "subtotal", "sum", "overall", "all", "all rows", "all groups",
    "gesamt", "gesamtsumme", "gesamtergebnis", "ergebnis", "summe", "insgesamt", "zwischensumme", "alle",
    "totaux", "total général", "somme", "ensemble", "sous-total", "total general", "suma", "totale", "somma",
    "totaal", "som", "summa", "i alt", "yhteensä", "razem", "ogółem", "celkem", "összesen", "итого", "всего",
    "toplam", "genel toplam", "σύνολο", "합계", "총계", "المجموع",
    "合计", "合計", "总计", "總計", "总和", "小计", "小計", "総計",
)  # fmt: skip
"""What spreadsheets and people write beside a sum."""

_UNSEEN = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_SPACE = re.compile(r"\s+")


def folded(text: str) -> str:
    """Return what a reader sees of a value: without case, spaces, invisible characters or form of Unicode."""
    plain = _SPACE.sub("", _UNSEEN.sub("", unicodedata.normalize("NFKC", text)))
    return unicodedata.normalize("NFKC", plain.casefold())


def alike(values: Iterable[str]) -> list[list[str]]:
    """Return the groups of values that differ in case, spaces or form of Unicode only."""
    groups: dict[str, list[str]] = {}
    for value in dict.fromkeys(values):
        groups.setdefault(folded(value), []).append(value)
    return [sorted(group) for group in groups.values() if len(group) > 1]


def shown(value: str) -> str:
    """Return a value in quotes, with the numbers of characters that cannot be seen or told apart."""
    value = re.sub(" (?= )|(?<= ) ", "\u2423", value)
    return "'" + "".join(map(_seen, value[:60])) + ("…" if len(value) > 60 else "") + "'"


def _seen(char: str) -> str:
    if not char.isprintable() or unicodedata.combining(char):
        return f"\\u{ord(char):04x}"
    return char if unicodedata.normalize("NFKC", char) == char else f"{char} (U+{ord(char):04X})"


def warn_alike(column: str, values: Sequence[str]) -> list[str]:
    """Say which values of a column are taken for different ones though a reader would see one."""
    if len(values) > MOST:
        return []
    groups = alike(values)
    if not groups:
        return []
    listed = "; ".join(", ".join(shown(value) for value in group[:6]) for group in groups[:5])
    more = len(groups) - 5
    return [
        tell(
            "Column {column} holds values that differ in case, spaces or Unicode form only and are counted "
            "apart: {values}. If they mean the same, make them one (data.merge).",
            column=column, values=listed + (f"; +{more}" if more > 0 else ""),
        )
    ]  # fmt: skip


def totals(values: Iterable[str]) -> list[str]:
    """Return the values that a totals row would have: 'Total', '合计', or 'Female total' beside 'Female'."""
    named = {folded(value).strip(".:"): value for value in values}
    words = {folded(word) for word in _TOTALS}

    def parts(text: str) -> bool:
        return any(
            (text.endswith(word) and text[: -len(word)] in named)
            or (text.startswith(word) and text[len(word) :] in named)
            for word in words
        )

    return [value for text, value in named.items() if text in words or parts(text)]


def warn_unclustered(column: str | None, rows: int) -> list[str]:
    """Say how many rows have no cluster: they are held to depend on each other."""
    if not rows:
        return []
    return [
        tell_n(
            "{n} row has no cluster ({column}); rows without one count as one cluster together.",
            "{n} rows have no cluster ({column}); rows without one count as one cluster together.",
            rows,
            n=f"{rows:,}", column=column,
        )
    ]  # fmt: skip


def warn_totals(column: str, rows: Mapping[str, int], first: Mapping[str, int]) -> list[str]:
    """Say which values of a column look like those of totals rows.

    Parameters
    ----------
    rows : mapping of str to int
        How many rows each value has.
    first : mapping of str to int
        Number of the first row of each value, where that is known.
    """
    out = []
    for value in totals(rows):
        if value in first:
            out.append(
                tell(
                    "Column {column} holds {value}, first in row {row} of the table: it looks like a totals "
                    "row, which counts rows twice. Take such rows out of the data, unless they are a slice "
                    "of their own.",
                    column=column,
                    value=shown(value),
                    row=f"{first[value]:,}",
                )
            )
        else:
            out.append(
                tell(
                    "Column {column} holds {value}: it looks like a totals row, which counts rows twice. "
                    "Take such rows out of the data, unless they are a slice of their own.",
                    column=column,
                    value=shown(value),
                )
            )
    return out


@dataclass
class Heaviest:
    """Watches a table of counts for a row that holds as much as all others together."""

    total: int = 0
    rows: int = 0
    most: int = 0
    row: int = 0
    bare: bool = False
    """Whether that row has none of the features' values."""

    def add(self, counts: NDArray[np.int64], known: NDArray[np.bool_]) -> None:
        """Take the counts of a batch, and whether some feature of each row is known."""
        if len(counts):
            place = int(np.argmax(counts))
            if counts[place] > self.most:
                self.most, self.row = int(counts[place]), self.rows + place + 1
                self.bare = not known[place]
        self.total += int(counts.sum())
        self.rows += len(counts)

    def warn(self) -> list[str]:
        """Say which row sums up the others. In a table of few rows that may be so by chance."""
        if not self.most or 2 * self.most != self.total or self.rows < (3 if self.bare else 4):
            return []
        return [
            tell(
                "Row {row} of the table counts as much as all other rows together: it looks like a totals "
                "row, which counts every row twice. Take it out of the data.",
                row=f"{self.row:,}",
            )
        ]
