"""Fields of JSON lines that are numbers in some lines and words in others, read as delimited text is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..plain import repeated_key
from .errors import InputError
from .missing import Missing, nulled
from .numerals import CODE, find_numerals, grouped, ungrouped
from .spelling import word

_SPACE = re.compile(r"[ \t\r\n]*")


def texts(
    path: Path, block: bytes, names: Collection[str], number: Callable[[str], str] = str
) -> dict[str, pa.Array]:
    """Return some fields of a block of lines as text.

    Parameters
    ----------
    block : bytes
        Lines that Arrow has found sound, but for the types of their values.
    number : callable
        What is told of a number that has a decimal point or an exponent; default as it is written.
    """
    if not names:
        return {}
    rows = list(_objects(path, block, parse_int=str, parse_float=number, parse_constant=str))
    return {name: pa.array([_text(row.get(name)) for row in rows], pa.string()) for name in names}


def spelled(path: Path, block: bytes, names: Collection[str]) -> bytes:
    """Return a block in which some fields' numbers and truth values are text, whose schema is asked for."""
    rows = _objects(path, block, parse_int=_integer)
    changed = ({**row, **{name: _text(row[name], str) for name in names if name in row}} for row in rows)
    return b"".join(json.dumps(row).encode() + b"\n" for row in changed)


def _text(value: Any, number: Callable[[Any], Any] = lambda value: value) -> Any:
    if isinstance(value, bool):
        return word(value)
    return number(value) if isinstance(value, (int, float)) else value


def _integer(number: str) -> int | float:
    """Python refuses to read integers of thousands of digits; no 64 bits hold them either."""
    return int(number) if len(number) < 1000 else float(number)


def _objects(
    path: Path,
    block: bytes,
    parse_int: Callable[[str], Any] | None = None,
    parse_float: Callable[[str], Any] | None = None,
    parse_constant: Callable[[str], Any] | None = None,
) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder(
        object_pairs_hook=lambda pairs: _once(path, pairs),
        parse_int=parse_int,
        parse_float=parse_float,
        parse_constant=parse_constant,
    )
    text = block.decode()
    at = 0
    while (start := _SPACE.match(text, at).end()) < len(text):  # type: ignore[union-attr]
        try:
            row, at = decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}: expected one JSON object per line, got {error}") from error
        yield row


def _once(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = repeated_key(pairs)
    if twice is not None:
        raise InputError(f"{path}: expected every field once, got '{twice}' twice")
    return dict(pairs)


class Numbers:
    """Fields of which every text is a number (or a truth value), or a word for a value that is not known.

    Parameters
    ----------
    blocks : iterable of mapping of str to pyarrow.StringArray
        All texts of the fields in question.
    """

    def __init__(self, blocks: Iterable[Mapping[str, pa.Array]], missing: Missing) -> None:
        self._words = missing.in_numbers
        found: dict[str, list[pa.Array]] = {}
        for block in blocks:
            for name, values in block.items():
                found.setdefault(name, []).append(pc.unique(nulled(values, self._words).drop_null()))
        values = {name: pc.unique(pa.chunked_array(parts)) for name, parts in found.items()}
        marks = find_numerals(values, self._words, ".", points=False)
        self._thousands = marks.thousands
        self.types = {name: kind for name, held in values.items() if (kind := self._type(held)) is not None}

    def _type(self, values: pa.Array) -> pa.DataType | None:
        if pc.any(pc.match_substring_regex(values, CODE)).as_py():
            return None
        for kind in (pa.int64(), pa.bool_(), pa.float64()):
            try:
                self._read(values, kind)
            except pa.ArrowInvalid:
                continue
            return kind
        return None

    def _read(self, values: pa.Array, kind: pa.DataType) -> pa.Array:
        if (
            self._thousands
            and pc.all(pc.match_substring_regex(values, grouped(".", self._thousands))).as_py()
        ):
            return ungrouped(values, ".", self._thousands, kind)
        return pc.utf8_trim_whitespace(values).cast(kind)

    def of(self, name: str, values: pa.Array) -> pa.Array:
        """Return the texts of a field as numbers, where it is one of them; else as they are."""
        kind = self.types.get(name)
        return values if kind is None else self._read(nulled(values, self._words), kind)
