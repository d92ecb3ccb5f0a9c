"""Names beside points, placed so that none covers another name or a point."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from unicodedata import east_asian_width

LETTER, WIDE_LETTER = 6.4, 11.2
"""Width of a letter and of a full-width character at 11 px, on the safe side (px)."""
LINE_HEIGHT = 13
MOST_LETTERS = 44
"""Longer names are cut, lest one takes the whole chart."""
DISTANCES = (10, 18, 28, 40, 56, 76, 100)
APART = 18
"""A name farther from its point than this gets a line to it (px)."""


@dataclass(frozen=True)
class Label:
    """A name and the point that it belongs to (px)."""

    text: str
    x: float
    y: float


@dataclass(frozen=True)
class Spot:
    """Where a name stands (px), from which of its ends, and the line to its point when it is apart."""

    text: str
    x: float
    y: float
    align: Literal["left", "center", "right"]
    from_x: float
    from_y: float
    to_x: float
    to_y: float
    apart: bool


Box = tuple[float, float, float, float]


def placed(
    labels: list[Label], width: float, height: float, lines: list[float], blocked: Sequence[Box] = ()
) -> list[Spot | None]:
    """Choose a place for each name in turn, the nearest that is free; None when there is no room for it.

    Parameters
    ----------
    labels
        The names, the most important first.
    width, height
        Size of the drawing (px).
    lines
        Heights of horizontal lines (px) whose texts stand above them, which names keep clear of.
    blocked
        Other places (left, top, right, bottom in px) that names keep clear of.
    """
    taken: list[Box] = [(label.x - 7, label.y - 7, label.x + 7, label.y + 7) for label in labels]
    taken += [*((0.0, y - 14, width, y + 1) for y in lines), *blocked]
    spots: list[Spot | None] = []
    for label in labels:
        text = _short(label.text)
        wide = width_of(text)
        choices = _choices(label, wide)
        free = [(box, far) for box, far in choices if _inside(box, width, height) and not _hit(box, taken)]
        if not free:
            spots.append(None)
            continue
        others = [other for other in labels if other is not label]
        box, distance = min(free, key=lambda choice: choice[1] + _confusion(choice[0], label, others, taken))
        taken.append(box)
        x, align = _anchor(box, label)
        middle = (box[1] + box[3]) / 2
        spots.append(Spot(text, x, middle, align, label.x, label.y, *_end(box, label), distance > APART))
    return spots


def width_of(text: str) -> float:
    """Width of a text at 11 px (px); Chinese characters take the room of nearly two letters."""
    return sum(WIDE_LETTER if east_asian_width(letter) in "WF" else LETTER for letter in text)


def _short(text: str) -> str:
    """A text cut to the room of the most letters that a name may have."""
    if width_of(text) <= MOST_LETTERS * LETTER:
        return text
    while width_of(text) > (MOST_LETTERS - 1) * LETTER:
        text = text[:-1]
    return text + "…"


def _anchor(box: Box, label: Label) -> tuple[float, Literal["left", "center", "right"]]:
    """The end of a name that is next to its point: letters are narrower than the room kept for them."""
    if box[0] > label.x - 7:
        return box[0], "left"
    return (box[2], "right") if box[2] < label.x + 7 else ((box[0] + box[2]) / 2, "center")


def _confusion(box: Box, label: Label, others: list[Label], taken: list[Box]) -> float:
    """What speaks against a place: a name nearer to another point, or a line to it that crosses others."""
    own = math.dist(_end(box, label), (label.x, label.y))
    nearer = any(math.dist(_end(box, other), (other.x, other.y)) < own + 4 for other in others)
    (x, y), steps = _end(box, label), 12
    line = [
        (label.x + (x - label.x) * k / steps, label.y + (y - label.y) * k / steps) for k in range(1, steps)
    ]
    crossed = any(
        left < px < right and top < py < bottom
        for left, top, right, bottom in taken
        for px, py in line
        if abs(px - label.x) > 7 or abs(py - label.y) > 7
    )
    return 25.0 * nearer + 60.0 * crossed


def _end(box: Box, label: Label) -> tuple[float, float]:
    """The place of a box that is nearest to a point."""
    return min(max(label.x, box[0]), box[2]), min(max(label.y, box[1]), box[3])


def _choices(label: Label, wide: float) -> list[tuple[Box, float]]:
    """Places around a point: right, left, above, below and between, each at growing distances."""
    half = LINE_HEIGHT / 2
    found: list[tuple[Box, float]] = []
    for far in DISTANCES:
        step = far if far > DISTANCES[0] else 0
        lefts = (label.x + far, label.x - far - wide)
        middles = [(left, label.y + dy) for dy in (0, -step, step) for left in lefts]
        # Over and under the point: centred, or beginning or ending at it.
        shifted = (label.x - wide / 2, label.x - 6, label.x - wide + 6)
        stacked = [(left, label.y + dy) for dy in (2 - far - half, far + half - 2) for left in shifted]
        found += [((x, y - half, x + wide, y + half), far) for x, y in [*middles, *stacked]]
    return found


def _inside(box: Box, width: float, height: float) -> bool:
    return box[0] >= 2 and box[2] <= width - 2 and box[1] >= 2 and box[3] <= height - 2


def _hit(box: Box, taken: list[Box]) -> bool:
    return any(
        box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3] for other in taken
    )


def in_two(text: str, room: float) -> tuple[str, str]:
    """Cut a text into two lines behind a space or what joins words; the first is empty where one is enough.

    Parameters
    ----------
    room
        Of a line (px), the text at 11 px.
    """
    if width_of(text) <= room:
        return "", text
    ends = [
        found.end()
        for found in re.finditer(r"[ _-]+|\.(?=[^\W\d])", text)
        if width_of(text[: found.end()]) <= room
    ]
    cut = max(ends, default=0)
    return text[:cut].rstrip(" "), text[cut:]
