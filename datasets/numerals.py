"""How numbers are written in a text file: decimal point or comma, marks between thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_SIGN, _POWER, _END = r"^\s*[+-]?", r"[eE][+-]?\d+", r"\s*$"
_GROUP_MARKS = (" ", "'", "’", "\u00a0", "\u202f")
"""Marks between thousands that are nothing else."""
_GROUPED = r"^\s*[+-]?[1-9]\d{0,2}(MARK\d{3})+([.,]\d+)?\s*$"
_KINDS = {
    "whole": rf"{_SIGN}\d+{_END}",
    "comma decimals": rf"{_SIGN}(\d*,(\d{{1,2}}|\d{{4,}})|(0\d*|\d{{4,}})?,\d{{3}}|\d*,\d+{_POWER}){_END}",
    "comma either": rf"{_SIGN}[1-9]\d{{0,2}},\d{{3}}{_END}",
    "comma thousands": rf"{_SIGN}[1-9]\d{{0,2}}((,\d{{3}})+\.\d+|(,\d{{3}}){{2,}}){_END}",
    "point decimals": (
        rf"{_SIGN}(\d+\.(\d{{0,2}}|\d{{4,}})|(0\d*|\d{{4,}})\.\d{{3}}|\.\d+|\d*\.?\d+{_POWER}){_END}"
    ),
    "point either": rf"{_SIGN}[1-9]\d{{0,2}}\.\d{{3}}{_END}",
    "point thousands": rf"{_SIGN}[1-9]\d{{0,2}}((\.\d{{3}})+,\d+|(\.\d{{3}}){{2,}}){_END}",
}
"""Ways to write a number; 'either' has one mark and three digits behind it, decimals or thousands."""
_MARKED = r"\d[.,\s'’\x{a0}\x{202f}]\d|^\s*[+-]?[.,]\d|\d\.\s*$|\de"


CODE = r"^\s*0\d+\s*$"
"""Digits behind a zero are a code and no number."""
_PIECE = 256 << 10
_IS_DIGIT = np.zeros(256, bool)
_IS_DIGIT[list(b"0123456789")] = True
_BEGINS = _IS_DIGIT.copy()
_BEGINS[list(b"+-., ")] = True


def may_hold_marks(start: bytes, separator: str) -> bool:
    """Whether some number may be written otherwise than with a plain point: most files show at once.

    Parameters
    ----------
    start : bytes
        The first bytes of a file, in an encoding that has those of ASCII.
    """
    return any(
        _marked(np.frombuffer(start[at : at + _PIECE + 16], np.uint8), separator)
        for at in range(0, len(start), _PIECE)
    )


def may_hold_codes(piece: bytes, separator: str) -> bool:
    """Whether some cell may begin with a zero and a digit: most files have none, which shows at once.

    Parameters
    ----------
    piece : bytes
        Part of a file in an encoding that has those of ASCII.
    """
    text = np.frombuffer(piece, np.uint8)
    before = np.zeros(256, bool)
    before[list(f'{separator}" \r\n'.encode())] = True
    return bool((before[text[:-2]] & (text[1:-1] == ord("0")) & _IS_DIGIT[text[2:]]).any())


def _marked(text: NDArray[np.uint8], separator: str) -> bool:
    text = np.concatenate([text, np.zeros(8, np.uint8)])
    digit = _IS_DIGIT[text]

    def three(after: int) -> NDArray[np.bool_]:
        size = len(text) - 8
        return (
            digit[after : size + after]
            & digit[after + 1 : size + after + 1]
            & digit[after + 2 : size + after + 2]
        )

    def is_(mark: str, at: int = 0) -> NDArray[np.bool_]:
        return np.asarray(text[at : len(text) - 8 + at] == ord(mark))

    behind = digit[: len(text) - 8]
    groups = three(2)
    # The last byte of a no-break space or a raised comma, in UTF-8 and in Latin-1.
    odd = np.isin(text[1 : len(text) - 7], (0xA0, 0xAF, 0x99, 0x92)) & groups
    if odd.any() or (behind & (is_(" ", 1) | is_("'", 1)) & groups).any():
        return True
    points = behind & is_(".", 1) & groups
    if (points & is_(".", 5) & digit[6 : len(text) - 2]).any():
        return True
    if separator == ",":
        # A comma within a cell needs quotes around it, and the first of them begins a cell.
        opens = (is_(",") | is_("\n") | is_("\r")) & is_('"', 1)
        return bool((opens & _BEGINS[text[2 : len(text) - 6]]).any())
    comma = is_(",", 1) & digit[2 : len(text) - 6]
    return bool(comma.any() or (separator == ";" and points.any()))


@dataclass
class Numerals:
    """What the columns of a file say of its numbers.

    Attributes
    ----------
    decimal, thousands : str
    unclear : dict
        Columns of numbers that can be read in two ways, with one value of each.
    """

    decimal: str = "."
    thousands: str = ""
    unclear: dict[str, str] = field(default_factory=dict)


def find_numerals(
    columns: Mapping[str, pa.Array],
    missing: Iterable[str],
    decimal: str | None = None,
    thousands: str | None = None,
    *,
    points: bool,
) -> Numerals:
    """Find out how the numbers of some columns of text are written.

    A column counts where all of its values are numbers in one way or another.

    Parameters
    ----------
    columns : mapping of str to pyarrow.StringArray
    missing : iterable of str
        Values that are no numbers, and no words either.
    decimal, thousands : str, optional
        The marks, where one is known.
    points : bool
        A point with three digits behind it may stand between thousands: so it is where the separator is a
        semicolon, which is used where the comma is taken.
    """
    kinds = {name: _kinds(column, pa.array(list(missing), pa.string())) for name, column in columns.items()}

    def having(*wanted: str) -> list[str]:
        return [name for name, held in kinds.items() if held & set(wanted)]

    commas = having("comma decimals", "point thousands")
    against = having("comma thousands", "point decimals")
    if decimal is None and thousands:
        decimal = {",": ".", ".": ","}.get(thousands)
    if decimal is None and commas and against:
        unclear = having("comma decimals", "point thousands", "comma thousands", "comma either")
    elif decimal is None and not commas and not having("comma thousands"):
        unclear = having("comma either") + (having("point either") if points and not against else [])
    else:
        decimal, unclear = decimal or ("," if commas else "."), []
    if thousands is None:
        spaced = {mark for held in kinds.values() for mark in held & set(_GROUP_MARKS)}
        other, mark = ("point", ".") if decimal == "," else ("comma", ",")
        grouped = decimal is not None and having(f"{other} thousands", f"{other} either")
        thousands = spaced.pop() if len(spaced) == 1 else (mark if grouped else "")
    return Numerals(decimal or ".", thousands, {name: _example(columns[name]) for name in unclear})


def _kinds(column: pa.Array, missing: pa.Array) -> set[str]:
    """The ways in which a column writes its numbers; none where it holds something else."""
    values = column.filter(pc.invert(pc.is_in(column, value_set=missing))).drop_null()
    if not pc.any(pc.match_substring_regex(values, _MARKED)).as_py():
        return set()
    held: set[str] = set()
    for mark in _GROUP_MARKS:
        fits = pc.match_substring_regex(values, _GROUPED.replace("MARK", mark))
        if pc.any(fits).as_py():
            held.add(mark)
            values = pc.if_else(fits, pc.replace_substring(values, mark, ""), values)
    for kind, pattern in _KINDS.items():
        fits = pc.match_substring_regex(values, pattern)
        if pc.any(fits).as_py():
            held.add(kind)
            values = values.filter(pc.invert(fits))
        if not len(values):
            return held
    return set()


def _example(column: pa.Array) -> str:
    marked = column.filter(pc.match_substring_regex(column, r"\d[.,]\d"))
    return str(marked[0])[:40]


def grouped(decimal: str, thousands: str) -> str:
    """Return the pattern of a number with marks between thousands."""
    mark, point = re.escape(thousands), re.escape(decimal)
    return rf"{_SIGN}([1-9]\d{{0,2}}({mark}\d{{3}})+|\d+)?({point}\d+)?([eE][+-]?\d+)?{_END}"


def ungrouped(column: pa.Array, decimal: str, thousands: str, kind: pa.DataType) -> pa.Array:
    """Read a column of such numbers."""
    plain = pc.replace_substring(column, thousands, "")
    if decimal != ".":
        plain = pc.replace_substring(plain, decimal, ".")
    return pc.cast(pc.utf8_trim_whitespace(plain), kind)
