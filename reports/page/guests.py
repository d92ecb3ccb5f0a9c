"""Sections of guests in the report: text and tables that a function of theirs gives, never markup."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...audit.result import AuditResult, Variant
from ..words import formats
from ..words.language import tr

Cell = str | int | float | None
"""Text, a count, a figure, or a figure that does not exist."""


@dataclass(frozen=True)
class GuestTable:
    """A table of a guest's section.

    Attributes
    ----------
    caption : str
    heads : sequence of str
        Of its columns, that of the names first.
    rows : sequence of sequence
        A name and its cells each.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class GuestSection:
    """What a guest tells in the report.

    Attributes
    ----------
    heading : str
    parts : sequence of str or GuestTable
        Paragraphs and tables in their order.
    """

    heading: str
    parts: Sequence[str | GuestTable]


Tells = Callable[[AuditResult, Variant | None], GuestSection]
"""From a result and the variant that the page speaks of to what is told of them."""

SECTIONS: dict[str, tuple[str, Tells]] = {}
"""By name: the guest, and what tells its section."""


@dataclass(frozen=True)
class Placed:
    """A section as the page shows it: every cell is text."""

    id: str
    guest: str
    heading: str
    parts: list[str | GuestTable]


def guest_sections(result: AuditResult, variant: Variant | None) -> list[Placed]:
    """The sections that the run's configuration names, in its order; a broken one says so in its place."""
    named = (result.configuration.get("report") or {}).get("sections") or []
    return [_placed(name, result, variant) for name in named]


def _placed(name: str, result: AuditResult, variant: Variant | None) -> Placed:
    guest, tells = SECTIONS[name]
    try:
        told = tells(result, variant)
        heading, parts = str(told.heading), [_shown(part) for part in told.parts]
    except Exception as error:
        # Somebody else's code may throw anything; hours of an audit are not lost over a paragraph.
        why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        heading, parts = name, [tr("This section could not be written: {error}", error=why)]
    return Placed(f"guest-{name}", guest, heading, parts)


def _shown(part: str | GuestTable) -> str | GuestTable:
    if not isinstance(part, GuestTable):
        return str(part)
    for row in part.rows:
        if len(row) != len(part.heads):
            raise ValueError(f"{part.caption}: expected {len(part.heads)} cells in a row, got {len(row)}")
    rows = [[_cell(cell) for cell in row] for row in part.rows]
    return GuestTable(str(part.caption), [str(head) for head in part.heads], rows)


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return str(cell)
    if isinstance(cell, int):
        return formats.count(cell)
    return formats.figure(cell, "number")
