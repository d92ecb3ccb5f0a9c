"""Make an SVG a fraction of its length without changing what it draws.

A renderer repeats on every mark what all marks of a group share, and writes coordinates to the
width of an atom. A report holds dozens of charts and must stay light enough to be mailed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

_NUMBER = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?")
_NUMERIC = frozenset({"transform", "d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height"})
_CIRCLE = re.compile(r"M([\d.]+),0A\1,\1,0,1,1,-\1,0A\1,\1,0,1,1,\1,0Z?")
_DEFAULTS = {
    ("opacity", "1"),
    ("transform", "translate(0,0)"),
    ("text-anchor", "start"),
    ("font-weight", "normal"),
    ("stroke-dasharray", "1,0"),
    ("x2", "0"),
    ("y2", "0"),
}
_PLACE = re.compile(r"translate\(([^,]+),([^)]+)\)")
_INHERITED = (
    "fill",
    "stroke",
    "stroke-width",
    "stroke-dasharray",
    "text-anchor",
    "font-family",
    "font-size",
    "font-weight",
)


def slim(root: Element) -> None:
    """Shorten an image in place: rounded coordinates, no invisible parts, shared attributes once."""
    _drop_invisible(root)
    for node in root.iter():
        node.attrib.pop("class", None)
        for name, value in list(node.attrib.items()):
            if (name, value) in _DEFAULTS:
                del node.attrib[name]
            elif name in _NUMERIC:
                node.set(name, _NUMBER.sub(_rounded, value))
        _as_circle(node)
    for group in _inner_first(root):
        _unwrap(group)
        _share(group)
        _join(group)


def _drop_invisible(node: Element) -> None:
    """Remove the areas and clippings that have neither colour nor line of their own."""
    for child in list(node):
        painted = child.get("fill") or child.get("stroke")
        if child.tag == "path" and child.get("class") in ("background", "foreground") and not painted:
            node.remove(child)
        else:
            _drop_invisible(child)


def _rounded(found: re.Match[str]) -> str:
    text = f"{float(found[0]):.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _as_circle(node: Element) -> None:
    circle = _CIRCLE.fullmatch(node.get("d", "")) if node.tag == "path" else None
    if circle is not None:
        del node.attrib["d"]
        node.tag = "circle"
        node.set("r", circle[1])


def _inner_first(node: Element) -> Iterator[Element]:
    for child in node:
        yield from _inner_first(child)
    if node.tag == "g" and len(node):
        yield node


def _unwrap(group: Element) -> None:
    """Put the children of groups that say nothing in their place."""
    for child in list(group):
        if child.tag == "g" and not child.attrib:
            position = list(group).index(child)
            group.remove(child)
            for offset, inner in enumerate(child):
                group.insert(position + offset, inner)
        elif child.tag == "text" and not child.text:
            group.remove(child)


def _share(group: Element) -> None:
    """Lift what all children of a group have in common to the group, where it is inherited."""
    for name in _INHERITED:
        values = {child.get(name) for child in group}
        if len(values) == 1 and (value := values.pop()) is not None:
            group.set(name, value)
            for child in group:
                del child.attrib[name]


def _join(group: Element) -> None:
    """Draw lines, or areas, that differ in nothing but their place as one path."""
    paths = [_path(child) for child in group]
    if len(paths) < 2 or any(path is None for path in paths):
        return
    for child in list(group):
        group.remove(child)
    group.append(Element("path", {"d": "".join(path for path in paths if path)}))


def _path(node: Element) -> str | None:
    """Give the path of a line or of a bare path; None for anything else."""
    if node.tag == "path" and set(node.attrib) == {"d"} and node.get("d", "").endswith("Z"):
        return node.get("d")
    place = _PLACE.fullmatch(node.get("transform", "translate(0,0)"))
    if node.tag != "line" or place is None or set(node.attrib) - {"transform", "x2", "y2"}:
        return None
    return f"M{place[1]},{place[2]}l{node.get('x2', '0')},{node.get('y2', '0')}"
