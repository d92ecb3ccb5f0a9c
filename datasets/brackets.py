"""Brackets of JSON: how deep they go, and an array of objects taken apart into one line for each.

Arrow's parser calls itself for every bracket, so that text of brackets alone ends the process; depth is
looked at before it sees the text. All is done on whole chunks at once.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .bounds import MAX_DEPTH
from .errors import InputError

Bytes = NDArray[np.uint8]
_QUOTE, _BACK, _COMMA, _NEWLINE, _RETURN, _SPACE = (ord(c) for c in '"\\,\n\r ')
_ARRAY, _OBJECT = ord("["), ord("{")
_STEP = np.zeros(256, np.int8)
_STEP[[_ARRAY, _OBJECT]] = 1
_STEP[[ord("]"), ord("}")]] = -1
_NULL = re.compile(rb"null(?<!: null)(?<!:null)(?<!, null)(?<!,null)")
"""Null that is not at once seen to be the value of a field."""
_MARKS = _STEP != 0
_MARKS[[_QUOTE, _COMMA, _NEWLINE, _RETURN]] = True


class Scan:
    """Follows a JSON text from chunk to chunk: what stands within a string, and how deep the rest is."""

    def __init__(self) -> None:
        self._within = False
        self._escaped = False
        self.depth = 0

    def read(self, chunk: Bytes) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Return the places of brackets, commas and line ends outside of strings, and the depth behind."""
        places = np.flatnonzero(_MARKS[chunk])
        quotes = chunk[places] == _QUOTE
        quotes[quotes] = ~self._are_escaped(chunk, places[quotes])
        before = np.cumsum(quotes) + self._within
        self._within = bool(before[-1] % 2) if len(before) else self._within
        places = places[(before % 2 == 0) & ~quotes & (chunk[places] != _QUOTE)]
        depth = np.cumsum(_STEP[chunk[places]], dtype=np.int64) + self.depth
        self.depth = int(depth[-1]) if len(depth) else self.depth
        return places, depth

    def _are_escaped(self, chunk: Bytes, quotes: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether an odd number of backslashes stands before each quote; remembers those at the end."""
        backs = np.flatnonzero(chunk == _BACK)
        # Runs of backslashes: where each ends, and how long it is; one at the start goes on from before.
        last = np.flatnonzero(np.diff(backs, append=-1) != 1)
        first = np.concatenate([[0], last[:-1] + 1]) if len(last) else last
        ends, odd = backs[last], (last - first) % 2 == 0
        if len(ends) and backs[first[0]] == 0:
            odd[0] ^= self._escaped
        begun, self._escaped = self._escaped and not (len(backs) and backs[0] == 0), False
        if len(ends) and ends[-1] == len(chunk) - 1:
            self._escaped = bool(odd[-1])
        elif not len(chunk):
            self._escaped = begun
        place = np.searchsorted(ends, quotes - 1)
        place[place == len(ends)] = 0
        found = (ends[place] == quotes - 1) & odd[place] if len(ends) else np.zeros(len(quotes), bool)
        return np.asarray(found | (begun & (quotes == 0)))


def check_depth(block: bytes, where: Callable[[int], str]) -> None:
    """InputError for brackets nested deeper than `MAX_DEPTH` in a block of lines.

    Parameters
    ----------
    where : callable
        Says where the line of a number within the block stands.
    """
    chunk = np.frombuffer(block, np.uint8)
    opens = (chunk == _OBJECT) | (chunk == _ARRAY)
    begins = np.count_nonzero(opens[1:] & (chunk[:-1] == _NEWLINE)) + block.startswith((b"{", b"["))
    if np.count_nonzero(opens) - begins <= MAX_DEPTH:
        return  # Most tables are flat: hardly anything opens but the object of each line.
    ends = np.flatnonzero(chunk == _NEWLINE)
    starts = np.concatenate([[0], ends + 1])
    before = np.concatenate([[0], np.cumsum(opens, dtype=np.int32)])
    many = np.flatnonzero(np.diff(before[np.concatenate([starts, [len(chunk)]])]) > MAX_DEPTH)
    for line in many.tolist():
        stop = ends[line] if line < len(ends) else len(chunk)
        depth = Scan().read(chunk[starts[line] : stop])[1]
        if depth.max(initial=0) > MAX_DEPTH:
            raise InputError(
                f"{where(line)} has {int(depth.max()):,} brackets within each other; expected at most "
                f"{MAX_DEPTH}"
            )


def check_objects(block: bytes, where: Callable[[int], str]) -> None:
    """InputError for null where an object should stand: Arrow takes it for one, and may end the process."""
    end = 0
    for found in _NULL.finditer(block):
        place, before = found.start(), found.start() - 1
        while before >= 0 and block[before] in b" \t\r":
            before -= 1
        if before >= 0 and block[before] not in b"\n}":
            continue
        if place >= end:
            # Each line is looked at once, however often the word stands in it.
            start = block.rfind(b"\n", 0, place) + 1
            end = len(block) if (last := block.find(b"\n", place)) < 0 else last
            marks, depth = Scan().read(np.frombuffer(block, np.uint8, end - start, start))
        behind = int(np.searchsorted(marks, place - start))
        if behind == 0 or depth[behind - 1] == 0:
            line = where(block.count(b"\n", 0, start))
            raise InputError(f"{line} holds null; expected one JSON object per line")


class ArrayLines(io.RawIOBase):
    """A JSON array of objects as lines of one object each, whatever line breaks it has."""

    def __init__(self, path: Path, source: IO[bytes]) -> None:
        super().__init__()
        self._path, self._source = path, source
        self._scan = Scan()
        self._started = self._ended = False

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read a part of the lines into a buffer; returns how much."""
        raw = self._source.read(len(buffer))
        if not raw and not self._ended:
            raise InputError(f"{self._path}: expected readable JSON, but its array is not closed")
        if self._ended:
            self._refuse_rest(raw)
            return 0
        chunk = np.frombuffer(raw, np.uint8).copy()
        places, depth = self._scan.read(chunk)
        if depth.max(initial=0) > MAX_DEPTH + 1:
            raise InputError(
                f"{self._path}: an item has {int(depth.max()) - 1:,} brackets within each other; expected at "
                f"most {MAX_DEPTH}"
            )
        begin = -1
        if not self._started:
            inside = places[depth == 1]
            begin = int(inside[0]) if len(inside) else len(chunk) - 1
            self._started = len(inside) > 0
            chunk[: begin + 1] = _SPACE
        marks = chunk[places]
        chunk[places[(marks == _NEWLINE) | (marks == _RETURN)]] = _SPACE
        chunk[places[(depth == 1) & (marks == _COMMA)]] = _NEWLINE
        ends = places[(depth == 0) & (places > begin)]
        if self._started and len(ends):
            end = int(ends[0])
            self._refuse_rest(raw[end + 1 :])
            chunk[end] = _NEWLINE
            self._ended = True
        buffer[: len(chunk)] = chunk.tobytes()
        return len(chunk)

    def _refuse_rest(self, rest: bytes) -> None:
        if rest.strip():
            raise InputError(f"{self._path}: expected one JSON array, got something behind it")
