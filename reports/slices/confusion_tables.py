"""Labels against decisions, and decisions before against after: a grid of few classes, a list of many."""

from __future__ import annotations

from collections.abc import Sequence

from ..blocks import Block, Figures, Grid, GridCell
from ..words.formats import count, figure
from ..words.language import Given, Sentence, say, tr
from .tables import Cell, Row, Table

MOST_CLASSES = 10
"""More classes than these do not fit a page's width as a grid."""
MOST_PAIRS = 20
SHADES = 3

Counts = Sequence[Sequence[int]]


def crossed(counts: Counts, classes: Sequence[str], caption: Sentence, first: str) -> Grid:
    """Lay out counts with their share of the line, darker the larger it is."""
    heads: list[Sentence] = [(Given(name),) for name in classes]
    rows: list[tuple[Sentence, list[GridCell]]] = []
    for k, line in enumerate(counts):
        total = sum(line)
        cells = [_cell(n, total, right=k == j) for j, n in enumerate(line)]
        rows.append(((Given(classes[k]),), [*cells, GridCell(count(total))]))
    return Grid(caption, first, [*heads, (tr("Rows"),)], rows)


def _cell(n: int, total: int, *, right: bool) -> GridCell:
    share = n / total if total else None
    steps = (0.02, 0.1, 0.25) if not right else (0.25, 0.5, 0.75)
    level = sum(share is not None and share >= step for step in steps)
    shade = f"{'up' if right else 'down'}{level}" if level else ""
    return GridCell(figure(share, "percent"), count(n), shade)


def most_frequent(
    whole: Counts, parts: Sequence[tuple[Sentence, Counts]], classes: Sequence[str], caption: str, first: str
) -> Figures:
    """List the pairs of different classes that occur most, in all rows and in slices.

    A pair's share is that of the rows of its first class.
    """
    pairs = [(n, k, j) for k, line in enumerate(whole) for j, n in enumerate(line) if k != j and n]
    pairs.sort(key=lambda pair: -pair[0])
    everyone: list[tuple[Sentence, Counts]] = [(say("all rows"), whole), *parts]
    rows = [
        Row(
            say("{one} → {other}", one=Given(classes[k]), other=Given(classes[j])),
            [Cell(_share(counts[k][j], counts[k]), count(counts[k][j])) for _, counts in everyone],
        )
        for _, k, j in pairs[:MOST_PAIRS]
    ]
    return Figures(Table([("".join(name), "") for name, _ in everyone], rows), caption, first)


def _share(n: int, line: Sequence[int]) -> str:
    total = sum(line)
    return figure(n / total if total else None, "percent")


def changed(counts: Counts, classes: Sequence[str]) -> Block:
    """Lay out the decisions before and after."""
    if len(classes) > MOST_CLASSES:
        caption = tr(
            "Decisions before → after, the most frequent changes: share of the rows decided so before, and "
            "their number."
        )
        return most_frequent(counts, [], classes, caption, tr("Change"))
    told = say(
        "Decisions before (downwards) and after (across): share of the rows decided so before, and their "
        "number. Blue: the decision stays; amber: it changes."
    )
    return crossed(counts, classes, told, tr("Before"))


def confused(counts: Counts, parts: Sequence[tuple[Sentence, Counts]], classes: Sequence[str]) -> Block:
    """Lay out labels against decisions, of many classes with slices beside all rows."""
    if len(classes) > MOST_CLASSES:
        caption = tr(
            "Label → decision, the most frequent mistakes: share of the rows with the label, and their "
            "number."
        )
        return most_frequent(counts, parts, classes, caption, tr("Mistake"))
    return crossed(counts, classes, confusion_caption(()), tr("Label"))


def confusion_caption(where: Sentence) -> Sentence:
    """Say what a grid of labels and decisions shows; ``where`` is the slice, empty for all rows."""
    told = say(
        "Labels (downwards) and decisions (across): share of the rows with the label, and their number. "
        "Blue: right; amber: wrong."
    )
    return say("{slice}. {what}", slice=where, what=told) if where else told
