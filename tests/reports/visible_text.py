"""What a reader of a page sees or hears: its texts, with what comes from the data left out."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

DATA = frozenset({"bdi", "code", "pre", "style", "script"})
"""Elements that hold names of the data, code and configuration."""
SPOKEN = ("aria-label", "title", "data-label", "alt")
VOID = frozenset({"meta", "wbr", "br", "hr", "img", "input", "link", "path", "line", "circle", "rect"})


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.given: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def _is_name(self, tag: str, given: dict[str, str | None]) -> bool:
        """Whether it is marked as English or as a name, or is the title of the whole page."""
        whole = tag == "title" and not any(name == "svg" for name, _ in self._open)
        return whole or given.get("lang") == "en" or given.get("translate") == "no"

    def _silent(self) -> bool:
        return any(silent for _, silent in self._open)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if not self._silent() and tag not in DATA:
            self.found += [text for name in SPOKEN if (text := given.get(name))]
        if tag == "bdi":
            self.given.append("")
        if tag not in VOID:
            self._open.append((tag, tag in DATA or self._is_name(tag, given)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if any(tag == "bdi" for tag, _ in self._open):
            # Places where a line may break part a text, and are no end of it.
            self.given[-1] += data
        if data.strip() and not self._silent():
            self.found.append(data.strip())


def visible_texts(page: str) -> Iterator[str]:
    """Return the texts of a page that are not the data's, those of images and labels included."""
    parser = _Texts()
    parser.feed(page)
    yield from parser.found


def given_texts(page: str) -> set[str]:
    """Return the texts that a page sets apart as the data's."""
    parser = _Texts()
    parser.feed(page)
    return set(parser.given)
