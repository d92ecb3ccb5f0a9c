"""In which encoding a text file is written, found from its bytes where nobody says it."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from .errors import InputError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HIGH = re.compile(rb"[\x80-\xff]+")
_LETTERS = frozenset("".join(map(chr, range(0xC0, 0x100))).replace("×", "").replace("÷", ""))
_SIGNS = frozenset("ºª°§€²³«»¿¡–—‘’“”\u00a0")
"""What stands beside words in Western European text, apart from letters. An apostrophe stands within them."""


def known_encoding(name: str) -> str:
    """Return the name of a text encoding as Python spells it; ValueError for none."""
    try:
        "x".encode(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise ValueError(
            f"expected a text encoding such as utf-8, latin-1, cp1252, utf-16 or gb18030, got {name[:40]!r}"
        ) from None


def find_encoding(path: Path, start: bytes, whole: bool) -> tuple[str, bool]:
    """Return the encoding of a file that starts so, and whether it was guessed.

    A byte order mark, the zeros of UTF-16 and valid UTF-8 are no guesses. What is left is taken for Western
    European text where every byte above 127 makes sense as such, within words of plain letters; Cyrillic,
    Greek, Chinese, Japanese or damaged text does not, and is asked about.

    Parameters
    ----------
    start : bytes
        The first bytes of the content.
    whole : bool
        Whether they are all of it.

    Raises
    ------
    InputError
        The encoding cannot be told.
    """
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name, False
    if b"\0" in start and (wide := _utf16(start)):
        return wide, False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start, final=whole)
    except UnicodeDecodeError as error:
        if _is_western(start):
            return ("cp1252" if re.search(rb"[\x80-\x9f]", start) else "latin-1"), True
        line = start[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path}: expected UTF-8 text, got byte 0x{start[error.start]:02x} in line {line:,} (offset "
            f"{error.start:,}); say with data.encoding how it is written, such as latin-1, cp1252 or gb18030"
        ) from None
    return "utf-8", False


def _utf16(start: bytes) -> str | None:
    """UTF-16 without a mark, told by line ends and separators, which no other reading has."""
    even = start[: len(start) // 2 * 2]
    fits = []
    for name in ("utf-16-le", "utf-16-be"):
        try:
            text = codecs.getincrementaldecoder(name)().decode(even)
        except UnicodeDecodeError:
            continue
        if "\0" not in text and re.search(r"[\r\n]", text) and re.search(r"[ -~]{2}", text):
            fits.append(name)
    return fits[0] if len(fits) == 1 else None


def _is_western(start: bytes) -> bool:
    """Whether every byte above 127 is a letter within a word, or a sign, as Western Europe writes."""
    for run in _HIGH.finditer(start):
        if len(run[0]) > 3:
            return False
        try:
            text = run[0].decode("cp1252")
        except UnicodeDecodeError:
            return False
        before, after = start[run.start() - 1 : run.start()], start[run.end() : run.end() + 1]
        within = before.isalpha() and after.isalpha()
        if not all(c in _LETTERS or c in _SIGNS for c in text):
            return False
        # The French 'à' is a word; the Russian codes 'м' and 'ж' are cells of their own.
        word = len(text) == 1 and before == after == b" "
        if any(c in _LETTERS for c in text) and not (before.isalpha() or after.isalpha() or word):
            return False
        if within and any(c in _SIGNS and c != "’" for c in text):
            return False
    return True
