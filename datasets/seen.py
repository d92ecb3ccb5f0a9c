"""What has been seen of the values of columns: words that are new, and the first row of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from .alike import totals
from .columns import MAX_VALUES, check_names, levels, word_counts
from .errors import InputError
from .missing import Missing, question


@dataclass
class Seen:
    """The values of sensitive features, each with the first row that holds it, 0 where that is not known.

    Parameters
    ----------
    words : Missing
    again : callable
        Gives the rows from the start.
    first : mapping of str to mapping of str to int
        By feature.
    """

    words: Missing
    again: Callable[[], Iterator[pa.RecordBatch]]
    first: dict[str, dict[str, int]] = field(default_factory=dict)

    def look(self, name: str, column: pa.Array, start: int) -> None:
        """Look at the values of a sensitive column that were not seen before; ``start`` rows came before."""
        first = self.first.setdefault(name, {})
        new = [value for value in levels(column) if value not in first]
        if not new:
            return
        check_names(name, new)
        self.ask(name, "sensitive", column)
        whole = column.cast(pa.string()) if totals([*first, *new]) else None
        for value in new[: MAX_VALUES + 1]:
            place = -1 if whole is None else pc.index(whole, value).as_py()
            first[value] = start + place + 1 if place >= 0 else 0

    def ask(self, name: str, role: str, column: pa.Array, named: Sequence[str] = ()) -> None:
        """InputError where a word may mean that the value is not known, and nobody said what it means."""
        if self.words.unasked(name, levels(column), named):
            self.ask_of(name, role, (batch.column(name) for batch in self.again()), named)

    def ask_of(self, name: str, role: str, columns: Iterable[pa.Array], named: Sequence[str] = ()) -> None:
        """The same of all the values of a column."""
        rows = word_counts(columns)
        if asked := self.words.unasked(name, rows, named):
            raise InputError(question(name, role, {word: rows[word] for word in sorted(asked)}))
