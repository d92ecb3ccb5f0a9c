"""Names beside points, placed so that none covers another name or a point."""

from __future__ import annotations

from dataclasses import dataclass

LETTER = 6.4
"""Width of a letter at 11 px, on the safe side (px)."""
LINE_HEIGHT = 14
MOST_LETTERS = 26
DISTANCES = (10, 18, 28, 40, 56, 76, 100)


@dataclass(frozen=True)
class Label:
    """A name and the point that it belongs to (px)."""

    text: str
    x: float
    y: float


@dataclass(frozen=True)
class Spot:
    """Where a name stands: its left end and its middle (px), and the line to its point when it is apart."""

    text: str
    x: float
    y: float
    from_x: float
    from_y: float
    to_x: float
    to_y: float
    apart: bool


Box = tuple[float, float, float, float]


def placed(labels: list[Label], width: float, height: float, lines: list[float]) -> list[Spot]:
    """Choose a place for each name in turn, the nearest that is free; the last tried when none is.

    Parameters
    ----------
    labels
        The names, the most important first.
    width, height
        Size of the drawing (px).
    lines
        Heights of horizontal lines (px) whose texts stand above them, which names keep clear of.
    """
    taken: list[Box] = [(label.x - 7, label.y - 7, label.x + 7, label.y + 7) for label in labels]
    taken += [(0.0, y - 14, width, y + 1) for y in lines]
    spots = []
    for label in labels:
        text = label.text if len(label.text) <= MOST_LETTERS else label.text[: MOST_LETTERS - 1] + "…"
        wide = len(text) * LETTER
        choices = _choices(label, wide)
        box, distance = next(
            ((box, far) for box, far in choices if _inside(box, width, height) and not _hit(box, taken)),
            choices[0],
        )
        taken.append(box)
        end = box[0] if box[0] > label.x else box[2] if box[2] < label.x else (box[0] + box[2]) / 2
        middle = (box[1] + box[3]) / 2
        spots.append(Spot(text, box[0], middle, label.x, label.y, end, middle, distance > DISTANCES[1]))
    return spots


def _choices(label: Label, wide: float) -> list[tuple[Box, float]]:
    """Places around a point: right, left, above, below and between, each at growing distances."""
    half = LINE_HEIGHT / 2
    found: list[tuple[Box, float]] = []
    for far in DISTANCES:
        step = far if far > DISTANCES[0] else 0
        lefts = (label.x + far, label.x - far - wide)
        middles = [(left, label.y + dy) for dy in (0, -step, step) for left in lefts]
        above = [(label.x - wide / 2, label.y - far - half), (label.x - wide / 2, label.y + far + half)]
        found += [((x, y - half, x + wide, y + half), far) for x, y in [*middles, *above]]
    return found


def _inside(box: Box, width: float, height: float) -> bool:
    return box[0] >= 2 and box[2] <= width - 2 and box[1] >= 2 and box[3] <= height - 2


def _hit(box: Box, taken: list[Box]) -> bool:
    return any(
        box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3] for other in taken
    )
