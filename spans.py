"""Entities of a sentence as text, as files of predictions hold them: ``0:2 PER; 5:6 LOC``.

Each is the place of its first token, that behind its last one, and its type; a sentence without any is ``O``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

NONE = "O"
"""A sentence without an entity."""
APART = "; "
_ENTITY = re.compile(r"(\d{1,9}):(\d{1,9}) (\S[^;]*)")


class Span(NamedTuple):
    """An entity: tokens ``start`` to ``end``, the latter left out, and its type."""

    start: int
    end: int
    type: str


def written(spans: Iterable[Span]) -> str:
    """Write the entities of a sentence, in the order of their tokens."""
    return APART.join(f"{one.start}:{one.end} {one.type}" for one in sorted(spans)) or NONE


def read(text: str) -> tuple[Span, ...]:
    """Read the entities of a sentence.

    Raises
    ------
    ValueError
        The text is no list of entities, or two of them have a token in common.
    """
    if text == NONE:
        return ()
    found = tuple(_one(part) for part in text.split(APART))
    for before, after in pairwise(found):
        if after.start < before.end:
            raise ValueError(f"entities that follow each other, got {written([before, after])}")
    return found


def _one(text: str) -> Span:
    parts = _ENTITY.fullmatch(text)
    if parts is None or int(parts[1]) >= int(parts[2]):
        raise ValueError(f"entities as START:END TYPE, got {text[:60]!r}")
    return Span(int(parts[1]), int(parts[2]), parts[3])
