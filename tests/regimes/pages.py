"""What a regime's page says, read from its HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any


class _Tables(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tables: list[tuple[str, list[list[str]]]] = []
        self._cell: list[str] | None = None
        self._caption = False

    def handle_starttag(self, tag: Any, attrs: Any) -> None:
        if tag == "table":
            self.tables.append(("", []))
        elif tag == "tr" and self.tables:
            self.tables[-1][1].append([])
        elif tag in ("td", "th") and self.tables:
            self._cell = []
        elif tag == "caption":
            self._caption = True

    def handle_endtag(self, tag: Any) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self.tables[-1][1][-1].append(" ".join("".join(self._cell).split()))
            self._cell = None
        elif tag == "caption":
            self._caption = False

    def handle_data(self, data: Any) -> None:
        if self._caption:
            caption, rows = self.tables[-1]
            self.tables[-1] = (caption + data, rows)
        elif self._cell is not None:
            self._cell.append(data)


def tables(path: Path) -> list[tuple[str, list[list[str]]]]:
    """Each table's caption and rows of cells, the head among them."""
    parser = _Tables()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser.tables


def words(path: Path) -> str:
    """The text of a page, without markup."""
    text = path.read_text(encoding="utf-8")
    body = text[text.index("<main>") :]
    # A place where a word may break is none where it does.
    return " ".join(re.sub(r"<[^>]+>", " ", body.replace("<wbr>", "")).split())


def write_cells(path: Path, cells: list[tuple[dict[str, str], int, int]]) -> None:
    """Write aggregated counts: each cell is (columns, people, selected)."""
    names = list(cells[0][0])
    lines = [",".join([*names, "selected", "n"])]
    for columns, n, selected in cells:
        for decision, number in ((1, selected), (0, n - selected)):
            lines.append(",".join([*(columns[k] for k in names), str(decision), str(number)]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def counted(sensitive: list[str], regimes: list[Any], positive_is: str | None = None) -> dict[str, Any]:
    """A configuration of such counts."""
    return {
        "audit": "t",
        "data": {"path": "cells.csv", "count": "n", "sensitive": sensitive, "positive_is": positive_is},
        "model": {"decision": "selected"},
        "report": {"charts": False, "regimes": regimes},
    }
