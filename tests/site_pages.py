"""What the built site is asked: where its links lead, and what its pages load."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"embed": "src", "iframe": "src", "img": "src", "object": "data", "script": "src", "source": "src"}
"""Attributes whose address a browser asks for by itself."""
_OF_STYLE = re.compile(r"""(?:url\(\s*|@import\s+)["']?([^"')\s;]+)""")


@dataclass
class Found(HTMLParser):
    """What one page links to, loads and can be linked at."""

    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        self.names |= {of[name] for name in ("id", "name") if name in of}
        if tag in ("a", "area") and "href" in of:
            self.links.append(of["href"])
        if tag == "link" and of.get("rel") not in ("canonical", "next", "prev", "alternate"):
            self.loads.append(of.get("href", ""))
        if LOADED.get(tag, "") in of:
            self.loads.append(of[LOADED[tag]])
        self.loads += [part.split()[0] for part in of.get("srcset", "").split(",") if part.strip()]


def read(page: Path) -> Found:
    """Read one page."""
    found = Found()
    found.feed(page.read_text(encoding="utf-8"))
    return found


def dead(site: Path) -> list[str]:
    """Links, images and other files of pages that are not there, and anchors that no page has."""
    pages = {page: read(page) for page in site.rglob("*.html")}
    missing = []
    for page, found in pages.items():
        for address in (*found.links, *found.loads):
            split = urlsplit(address)
            if split.scheme or split.netloc:
                continue
            target = _target(site, page, unquote(split.path))
            anchor = unquote(split.fragment)
            if not target.is_file() or (anchor and target in pages and anchor not in pages[target].names):
                missing.append(f"{page.relative_to(site)}: {address}")
    return missing


def _target(site: Path, page: Path, path: str) -> Path:
    if not path:
        return page
    target = (site / path.lstrip("/") if path.startswith("/") else page.parent / path).resolve()
    return target / "index.html" if target.is_dir() else target


def from_elsewhere(site: Path) -> list[str]:
    """What pages and styles would load from another place than the site."""
    asked = [(page, address) for page in site.rglob("*.html") for address in read(page).loads]
    for style in (*site.rglob("*.css"), *site.rglob("*.html")):
        asked += [(style, address) for address in _OF_STYLE.findall(_styles(style))]
    return [f"{file.relative_to(site)}: {address}" for file, address in asked if _external(address)]


def _styles(file: Path) -> str:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".css":
        return text
    return "\n".join(re.findall(r"<style[^>]*>(.*?)</style>", text, re.S))


def _external(address: str) -> bool:
    split = urlsplit(address)
    return bool(split.netloc) or split.scheme not in ("", "data")
