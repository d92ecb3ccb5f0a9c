"""Which words of a table mean that a value is not known."""

from __future__ import annotations

import functools
import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..bands import UNKNOWN
from .errors import InputError

BLANK = ("", " ", "  ", "\t", "\u00a0")
"""Cells that show nothing."""

ALWAYS = ("NaN", "nan", "null", "NULL")
"""Words that mean so in every column that nobody asks about, as they always did here."""

WORDS = (
    "NA", "N/A", "#N/A", "#N/A N/A", "#NA", "<NA>", "NaN", "-NaN", "nan", "-nan", "NaT", "None", "none",
    "NONE", "null", "Null", "NULL", "n/a", "N/a", "na", "Na", "Nan", "NAN", "-1.#IND", "-1.#QNAN", "1.#IND",
    "1.#QNAN", "\\N", "(null)", "<null>", "NIL", "nil", "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NUM!",
    "#NAME?",
)  # fmt: skip
"""What programs write for a missing value. Among numbers they are missing; in text each may be a word of its
own (Namibia's code NA, the religion None), so that it is asked about."""

_FOLDED = frozenset(word.casefold() for word in WORDS)


@dataclass(frozen=True)
class Missing:
    """The words for a value that is not known, and those that are values.

    Attributes
    ----------
    words : tuple of str
        Missing in every column, besides empty cells.
    keep : tuple of str or mapping of str to tuple of str
        Words of `WORDS` that are values in columns of text: in all of them, or by column.
    only : bool
        Nothing else is missing: none of `WORDS`, not even among numbers.
    """

    words: tuple[str, ...] = ()
    keep: Sequence[str] | Mapping[str, Sequence[str]] = ()
    only: bool = False

    @classmethod
    def of(cls, given: Missing | Sequence[str] | Mapping[str, Any] | None) -> Missing:
        """Read what a configuration says: words to add, or ``{add, keep, only}``."""
        if given is None or isinstance(given, Missing):
            return given or cls()
        if isinstance(given, Mapping):
            only = given.get("only")
            return cls(tuple(given.get("add") or only or ()), given.get("keep") or (), only is not None)
        return cls(tuple(given))

    def in_text(self, column: str, always: Sequence[str] = ()) -> tuple[str, ...]:
        """Words that mean null in a column of text; ``always`` are some more, unless the list is whole."""
        words = dict.fromkeys([*BLANK, *self.words, *(() if self.only else always)])
        return tuple(word for word in words if word not in self._kept(column))

    @property
    def in_numbers(self) -> tuple[str, ...]:
        """Words that mean null in a column of numbers."""
        return tuple(dict.fromkeys([*BLANK, *self.words, *(() if self.only else WORDS)]))

    def _kept(self, column: str) -> Sequence[str]:
        return self.keep.get(column, ()) if isinstance(self.keep, Mapping) else self.keep

    def unasked(self, column: str, values: Iterable[str], named: Iterable[str] = ()) -> list[str]:
        """Return those values of a column of text that may mean 'not known', and that nobody said are values.

        ``named`` are values that the configuration names as classes.
        """
        if self.only:
            return []
        fine = {*self._kept(column), *named}
        return [value for value in values if value.strip().casefold() in _FOLDED and value not in fine]


def nulled(column: pa.Array, words: Sequence[str]) -> pa.Array:
    """Return a column of text, plain or as a dictionary, with null in place of some words."""
    if pa.types.is_dictionary(column.type):
        levels = column.dictionary
        if not (pa.types.is_string(levels.type) or pa.types.is_large_string(levels.type)):
            return column
        held = pc.is_in(levels, value_set=pa.array(words, levels.type))
        if not pc.any(held).as_py():
            return column
        places = pc.subtract(pc.cumulative_sum(pc.cast(pc.invert(held), pa.int32())), 1)
        indices = pc.if_else(held, None, places).take(column.indices)
        return pa.DictionaryArray.from_arrays(indices, levels.filter(pc.invert(held)))
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    if not _may_hold(column, words):
        return column
    return pc.if_else(pc.is_in(column, value_set=pa.array(words, column.type)), None, column)


def _may_hold(column: pa.Array, words: Sequence[str]) -> bool:
    """Whether a value is as long as one of the words: that is seen at once, and mostly settles it."""
    lengths = pc.binary_length(column)
    sizes = pa.array(sorted({len(word.encode()) for word in words}), lengths.type)
    shortest = pc.min(lengths).as_py()
    if shortest is None or shortest > sizes[-1].as_py():
        return False
    return bool(pc.any(pc.is_in(lengths, value_set=sizes)).as_py())


def question(column: str, role: str, rows: Mapping[str, int]) -> str:
    """Return the error that asks what such words mean in a column, with the rows of each."""
    listed = ", ".join(f"{word!r} ({n:,} row{'s' * (n != 1)})" for word, n in rows.items())
    words = ", ".join(json.dumps(word, ensure_ascii=False) for word in rows)
    key = column if column.isidentifier() else json.dumps(column, ensure_ascii=False)
    return (
        f"{role} column '{column}' holds {listed}: not known, or a value? Say data.missing: [{words}] if it "
        f"means that the value is not known, or data.missing: {{keep: {{{key}: [{words}]}}}} if it is one"
    )


def check_reserved(column: str, role: str, values: Container[str]) -> None:
    """InputError where a value is spelled as what stands for a missing one: they would be taken for one."""
    if UNKNOWN not in values:
        return
    key = column if column.isidentifier() else json.dumps(column, ensure_ascii=False)
    other = f'data.merge: {{{key}: {{NAME: ["{UNKNOWN}"]}}}}' if role == "sensitive" else "another word"
    raise InputError(
        f"{role} column '{column}' holds {UNKNOWN!r}, which is what a missing value is called here: say "
        f'data.missing: ["{UNKNOWN}"] if it means that the value is not known; if it is a value, give it a '
        f"name of its own by {other}"
    )


def whole_rows(batch: pa.RecordBatch) -> pa.Array:
    """Return whether each row has a value in every column."""
    return functools.reduce(pc.and_, map(_present, batch.columns))


def _present(column: pa.Array) -> pa.Array:
    """Whether each row has a value: no null, and neither NaN nor empty text, which `words` reads as one."""
    if pa.types.is_dictionary(column.type):
        held = _present(column.dictionary).take(column.indices)
        return pc.fill_null(held, False)
    here = pc.is_valid(column)
    if pa.types.is_floating(column.type):
        return pc.and_(here, pc.invert(pc.fill_null(pc.is_nan(column), False)))
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pc.and_(here, pc.fill_null(pc.not_equal(column, ""), False))
    return here
