"""From a Vega-Lite specification to an SVG that can stand inside an HTML page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from .engine import ENGINE
from .slim import slim

_PANELS = re.compile(r"\b(cell|concat_\d+_group)\b")
_DROPPED = ("role", "aria-roledescription", "aria-label", "aria-hidden", "pointer-events")


@dataclass(frozen=True)
class Drawing:
    """An inline SVG, its natural size in CSS pixels, and where each row of panels begins."""

    svg: str
    width: float
    height: float
    panel_tops: list[float]


def inline_svg(spec: dict[str, Any], key: str, title: str, description: str) -> Drawing:
    """Convert a specification to one image for a page.

    Parameters
    ----------
    spec
        A Vega-Lite specification with its data inside.
    key
        Prefix of every id, unique in the page.
    title, description
        The text alternative. A screen reader meets one image, not its hundred parts.

    Raises
    ------
    UndrawableError
        The chart engine does not work on this machine.
    """
    root = ElementTree.fromstring(ENGINE.svg(spec))
    ids = {value: f"{key}-{value}" for node in root.iter() if (value := node.get("id"))}
    for node in root.iter():
        # In HTML an inline SVG needs no namespace; prefixed tags would not be drawn.
        node.tag = node.tag.rpartition("}")[2]
        for name in _DROPPED:
            node.attrib.pop(name, None)
        for name, value in list(node.attrib.items()):
            if "}" in name:
                del node.attrib[name]
            elif name == "id":
                node.set(name, ids[value])
            elif "url(#" in value:
                node.set(name, re.sub(r"url\(#([^)]*)\)", lambda m: f"url(#{ids.get(m[1], m[1])})", value))
    tops = _panel_tops(root)
    slim(root)
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    root.attrib.clear()
    root.attrib.update(
        {
            "viewBox": f"0 0 {width:g} {height:g}",
            "width": f"{width:g}",
            "height": f"{height:g}",
            "role": "img",
            "aria-labelledby": f"{key}-title {key}-desc",
        }
    )
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(tag, {"id": f"{key}-{tag}"})
        element.text = text
        root.insert(position, element)
    text = ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)
    return Drawing(text, width, height, tops)


def _panel_tops(root: ElementTree.Element) -> list[float]:
    """Where the panels' plot areas begin, from the top of the image: one number per row of panels."""
    outer = root.find("g")
    if outer is None:
        return []
    # Facets are all in one group; panels beside each other have a group each.
    groups = [node for node in root.iter("g") if _PANELS.search(node.get("class", ""))]
    offset = _shift(outer)[1]
    return sorted({offset + _shift(panel)[1] for group in groups for panel in group.findall("g")})


def _shift(node: ElementTree.Element) -> tuple[float, float]:
    found = re.search(r"translate\(([-\d.e]+)[, ]+([-\d.e]+)\)", node.get("transform", ""))
    return (float(found[1]), float(found[2])) if found else (0.0, 0.0)
