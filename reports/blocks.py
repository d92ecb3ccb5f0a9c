"""What a page shows one after the other: headings, charts, tables, grids, and what is folded away.

A task that shows more than others gives its sections as blocks; ``blocks.html.j2`` lays them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .slices.tables import Table
from .words.language import Sentence

if TYPE_CHECKING:
    from .drawing.panels import RowChart
    from .drawing.svg import Drawing
    from .slices.disparity_tables import AgainstGroup


@dataclass(frozen=True)
class Heading:
    """A heading within a section, of the level of ``h3`` or of ``h4``."""

    kind: ClassVar = "heading"
    text: Sentence
    level: int = 3


@dataclass(frozen=True)
class Note:
    """A paragraph."""

    kind: ClassVar = "note"
    text: Sentence


@dataclass(frozen=True)
class Rows:
    """A chart with names beside its rows."""

    kind: ClassVar = "rows"
    chart: RowChart
    caption: str


@dataclass(frozen=True)
class Picture:
    """A chart."""

    kind: ClassVar = "picture"
    drawing: Drawing
    caption: str


@dataclass(frozen=True)
class Figures:
    """A table of figures; ``first`` heads the column of names."""

    kind: ClassVar = "figures"
    table: Table
    caption: str
    first: str


@dataclass(frozen=True)
class Differences:
    """Differences and ratios to a reference."""

    kind: ClassVar = "differences"
    groups: list[AgainstGroup]
    caption: str


@dataclass(frozen=True)
class GridCell:
    """A figure and what stands under it.

    ``shade``: the class of its colour, empty for none; ``strong``: it stands out, or what stands under it
    where it has a ``side``: "above", "below" or "at" its ideal. ``note``: a mark that a key explains.
    """

    text: str
    under: str = ""
    shade: str = ""
    strong: bool = False
    side: str = ""
    note: str = ""


@dataclass(frozen=True)
class Grid:
    """A small table of figures in colours; every figure stands in it."""

    kind: ClassVar = "grid"
    caption: Sentence
    first: str
    heads: list[Sentence]
    rows: list[tuple[Sentence, list[GridCell]]]


@dataclass(frozen=True)
class Fold:
    """Blocks that a reader opens."""

    kind: ClassVar = "fold"
    summary: str
    blocks: list[Block]
    open: bool = False


Block = Heading | Note | Rows | Picture | Figures | Differences | Grid | Fold
