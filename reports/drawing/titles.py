"""Titles over panels that stand beside each other: two lines where a name is longer than its panel."""

from __future__ import annotations

from typing import Any

from .labels import in_two
from .panels import INK, SOFT

BEYOND = 20
"""How far a title may reach into the space between two panels (px)."""
_BOLD = 1.05
_LINE = 14


def titled(name: str, panel: int, size: int = 12) -> dict[str, str]:
    """The lines of a title over a panel so wide, in letters of a size (px); the one above may be empty."""
    above, title = in_two(name, (panel + BEYOND) * 11 / size / _BOLD)
    return {"title": title, "above": above}


def spaced(spec: dict[str, Any], values: list[dict[str, Any]]) -> dict[str, Any]:
    """Put data into a specification of panels, with room between their rows for titles of two lines."""
    spacing = spec["spacing"]
    if any(value.get("above") for value in values):
        spacing = spacing | {"row": spacing["row"] + _LINE}
    return spec | {"data": {"values": values}, "spacing": spacing}


def title_layers(base: Any, panel: int, size: int = 12) -> list[Any]:
    """Specify the lines over a panel: its title, a first line where it needs two, and what is under it."""
    import altair as alt

    line: dict[str, Any] = {"align": "left", "baseline": "alphabetic", "limit": panel + BEYOND}
    headings = base.transform_filter("isValid(datum.title)")
    bold: dict[str, Any] = {"fontSize": size, "fontWeight": 600, "color": INK}
    marks = [
        (headings.transform_filter("datum.above !== ''"), "above:N", -20 - _LINE, bold),
        (headings, "title:N", -20, bold),
        (headings, "subtitle:N", -7, {"fontSize": 11, "color": SOFT}),
    ]
    return [
        rows.mark_text(**look, **line).encode(x=alt.value(0), y=alt.value(top), text=field)
        for rows, field, top, look in marks
    ]
