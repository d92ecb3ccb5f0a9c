"""Quotes of delimited text that nobody closed: Arrow takes the rows up to the next one for a single value."""

from __future__ import annotations

import csv
import io
from functools import lru_cache
from pathlib import Path
from typing import IO

import numpy as np

from .bounds import MAX_ROW
from .dialect import Dialect
from .errors import InputError
from .files import open_content

_CHUNK = 1 << 20
_QUOTE = ord('"')


def refuse_open_quotes(path: Path, dialect: Dialect) -> None:
    """InputError for a quoted value that goes on over lines and ends before its field does (RFC 4180, 2.7).

    Rows are lost in such a value, and a column that nobody reads would not show it. What ends in its own line
    (``"A" and B``) loses none and is read as Arrow reads it.
    """
    found = path.stat()
    fault = _fault(path, dialect.separator, dialect.encoding, dialect.lines, found.st_size, found.st_mtime_ns)
    if fault:
        raise InputError(f"{path}: {fault}")


@lru_cache(maxsize=16)
def _fault(path: Path, separator: str, encoding: str, lines: int, *_state: int) -> str:
    """What is wrong, or nothing; a file that stayed as it was is looked at once."""
    with open_content(path) as file:
        if not _are_odd(file, separator):
            return ""
    encoding = "utf-8-sig" if encoding == "utf-8" else encoding
    known = csv.field_size_limit(MAX_ROW)
    try:
        with open_content(path) as raw, io.TextIOWrapper(raw, encoding, newline="") as text:
            for _ in range(lines):
                text.readline()
            rows = csv.reader(text, delimiter=separator, strict=True)
            while True:
                begun = rows.line_num + 1
                try:
                    next(rows)
                except (StopIteration, UnicodeError):
                    return ""
                except csv.Error as error:
                    if rows.line_num > begun and "expected after" in str(error):
                        return (
                            f"a quote that opens in line {lines + begun:,} ends in the midst of a value in "
                            f"line {lines + rows.line_num:,}; is a closing quote missing?"
                        )
    finally:
        csv.field_size_limit(known)


def _are_odd(file: IO[bytes], separator: str) -> bool:
    """Whether some quote neither opens nor closes a value; in encodings of wide letters any quote does.

    Of quotes in the order of the text every second one opens, if all are where they belong.
    """
    ends = np.zeros(256, bool)
    ends[[ord(separator), ord("\r"), ord("\n"), _QUOTE]] = True
    inside, before = False, b"\n"
    while chunk := file.read(_CHUNK):
        while chunk.endswith(b'"') and (more := file.read(1)):
            chunk += more
        if b'"' in chunk:
            content = np.frombuffer(before + chunk + b"\n", np.uint8)
            quotes = np.flatnonzero(content == _QUOTE)
            beside = quotes + np.where((np.arange(len(quotes)) + inside) % 2 == 0, -1, 1)
            if not ends[content[beside]].all():
                return True
            inside ^= len(quotes) % 2 == 1
        before = chunk[-1:]
    return False
