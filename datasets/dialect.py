"""How a delimited text file is written: what its reader is told, and what is found by looking."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ..told import tell
from .bounds import check_columns
from .encoding import find_encoding
from .errors import InputError
from .files import open_content, reading

LOOK = 4 << 20
"""Bytes that are looked at to find encoding and decimal mark."""
_HEAD = 1 << 20
"""Bytes within which the header ends."""
_LOOK_ROWS = 1 << 16
"""Characters that are looked at to find the separator."""
SEPARATORS = (",", ";", "\t", "|")
_SEP_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*\s*', re.IGNORECASE)
NAMELESS = "Unnamed: "
"""What the name of a column without one begins with; its place follows."""
_NAMES = {"\t": "tab", " ": "space", ",": "comma", ";": "semicolon", "|": "bar"}


@dataclass(frozen=True)
class TextForm:
    """How a text file is written; what is None is found by looking at it.

    Attributes
    ----------
    separator : str, optional
        Between values.
    decimal : str, optional
        Mark before decimals, '.' or ','.
    thousands : str, optional
        Mark between groups of three digits.
    encoding : str, optional
        Such as 'latin-1'; whatever Python can decode.
    skip : int
        Lines before the header (or before the data when `names` is given).
    names : tuple of str
        Column names of a file that has no header line.
    strip : bool
        Drop white space around every value.
    number_duplicates : bool
        Call the second column of a name ``NAME.1``, as pandas does, instead of refusing the file.
    """

    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None
    skip: int = 0
    names: tuple[str, ...] = ()
    strip: bool = False
    number_duplicates: bool = False
    key: str = "data"
    """Where the configuration says all this."""


@dataclass(frozen=True)
class Dialect:
    """A `TextForm` without gaps, with the header.

    Attributes
    ----------
    names : list of str
    lines : int
        Lines that stand before the data.
    found : dict
        Keys that the configuration does not name and that are not the usual, with what was found.
    """

    names: list[str]
    lines: int
    separator: str
    encoding: str
    decimal: str = "."
    thousands: str = ""
    found: dict[str, str] = field(default_factory=dict)
    unclear: dict[str, str] = field(default_factory=dict)
    """Columns of numbers that can be read in two ways, with one value of each."""

    def told(self, name: str) -> list[str]:
        """Say what was found by looking at the file, if it is not the usual."""
        if not self.found:
            return []
        how = ", ".join(f"{key}: {_shown(value)}" for key, value in self.found.items())
        return [
            tell(
                "How {file} is written was found by looking at it ({found}); the keys of the same names in "
                "the configuration say it by hand.",
                file=name, found=how,
            )
        ]  # fmt: skip


def _shown(value: str) -> str:
    return _NAMES.get(value, repr(value) if not value.isalnum() and len(value) == 1 else value)


def read_dialect(path: Path, form: TextForm) -> Dialect:
    """Find out how a file is written, as far as `form` does not say it, and read its header.

    Raises
    ------
    InputError
        Encoding or separator cannot be told for sure; there is no header, or one that is not usable.
    """
    with reading(path, "delimited text", form.encoding or "utf-8"), open_content(path) as raw:
        start = raw.read(LOOK)
        whole = len(start) < LOOK
        encoding, found = form.encoding, {}
        if encoding is None:
            encoding, guessed = find_encoding(path, start, whole)
            found = {"encoding": encoding} if guessed or encoding != "utf-8" else {}
        whole = len(start) <= _HEAD
        text = _decoded(start[:_HEAD], encoding, whole)
    lines = io.StringIO(text, newline="")
    skipped = _skipped(lines, form.skip)
    mark = _SEP_LINE.fullmatch(_peek(lines))
    if mark:
        lines.readline()
        skipped += 1
    separator = form.separator or (mark[1] if mark else _separator(path, form, lines))
    if separator != (form.separator or _usual(path)):
        found["separator"] = separator
    names, taken = list(form.names), 0
    if not names:
        names, taken = _header(path, form, lines, separator)
        if lines.tell() >= len(text) and not whole:
            raise InputError(
                f"{path}: its header is longer than {_HEAD >> 20} MiB; is a closing quote missing?"
            )
    check_columns(path, len(names))
    names = _unique(path, names, form.number_duplicates)
    return Dialect(names, skipped + taken, separator, encoding, found=found)


def _usual(path: Path) -> str:
    return "\t" if ".tsv" in [s.lower() for s in path.suffixes] else ","


def _decoded(start: bytes, encoding: str, whole: bool) -> str:
    return codecs.getincrementaldecoder(encoding)().decode(start, final=whole).removeprefix("\ufeff")


def _skipped(lines: io.StringIO, number: int) -> int:
    for _ in range(number):
        lines.readline()
    return number


def _peek(lines: io.StringIO) -> str:
    place = lines.tell()
    line = lines.readline()
    lines.seek(place)
    return line.rstrip("\r\n")


def _separator(path: Path, form: TextForm, lines: io.StringIO) -> str:
    """The separator that makes every row of the beginning as long as the header."""
    place = lines.tell()
    head = lines.read(_LOOK_ROWS)
    lines.seek(place)
    first = head.lstrip("\r\n").splitlines()[0] if head.strip("\r\n") else ""
    there = [mark for mark in SEPARATORS if mark in first]
    if len(there) < 2:
        return there[0] if there else _usual(path)
    even = [mark for mark in there if _is_even(head, mark, len(form.names), len(head) < _LOOK_ROWS)]
    if len(even) > 1:
        shown = " and ".join(repr(mark) for mark in even)
        raise InputError(
            f"{path}: {shown} both part it into even rows; say which it is with {form.key}.separator"
        )
    if even:
        return even[0]
    return _usual(path) if _usual(path) in there else max(there, key=first.count)


def _is_even(head: str, mark: str, columns: int, whole: bool) -> bool:
    try:
        sizes = [len(row) for row in csv.reader(io.StringIO(head, newline=""), delimiter=mark) if row]
    except csv.Error:
        return False
    sizes = sizes if whole or len(sizes) < 3 else sizes[:-1]
    return len(set(sizes)) == 1 and sizes[0] > 1 and (not columns or sizes[0] == columns)


def _header(path: Path, form: TextForm, lines: io.StringIO, separator: str) -> tuple[list[str], int]:
    rows = csv.reader(lines, delimiter=separator)
    try:
        names = next((row for row in rows if row), None)
    except csv.Error as error:
        raise InputError(
            f"{path}: expected a header line, got a line that cannot be split ({error})"
        ) from error
    if names is None:
        raise InputError(f"{path}: expected a header line, got only empty lines")
    names = [name.strip() for name in names] if form.strip else names
    # Index columns that pandas and R write have no name: called as pandas calls them when it reads them.
    names = [name if name.strip() else f"{NAMELESS}{place}" for place, name in enumerate(names)]
    return names, rows.line_num


def _unique(path: Path, names: list[str], number: bool) -> list[str]:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice and not number:
        listed = ", ".join(f"'{name}'" for name in twice[:10])
        raise InputError(f"{path}: expected every column name once, got more than one column called {listed}")
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        numbered.append(f"{name}.{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return numbered
