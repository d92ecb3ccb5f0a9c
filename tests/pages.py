"""What the tests of pages ask outside of Python: axe-core, and the Nu HTML checker (see ``make test``)."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api._generated import Page


_TOOLS = Path(__file__).parent / "page_tools" / "node_modules"
AXE = _TOOLS / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
CHECKER = _TOOLS / "vnu-jar" / "build" / "dist" / "vnu.jar"
CHROMIUM = shutil.which("chromium")

UNHEARD_OF = ("Property “container-type” doesn't exist.", "Unrecognized at-rule “@container”")
"""The checker is older than container queries, which browsers have had since 2023."""

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
needs_chinese_font = pytest.mark.skipif(
    shutil.which("fc-list") is None or not subprocess.check_output(["fc-list", ":lang=zh"]),
    reason="needs a Chinese font",
)
needs_axe = pytest.mark.skipif(not AXE.exists(), reason="needs axe-core")
needs_checker = pytest.mark.skipif(
    not CHECKER.exists() or shutil.which("java") is None, reason="needs java and the Nu HTML checker"
)


def html_errors(paths: Iterable[Path]) -> set[tuple[str, str]]:
    """What the Nu HTML checker finds wrong, each with the place in the text."""
    command = ["java", "-jar", str(CHECKER), "--format", "json", *map(str, paths)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [m for m in json.loads(told.stderr)["messages"] if m["type"] == "error"]
    return {(m["message"], m.get("extract", "")) for m in found if not m["message"].endswith(UNHEARD_OF)}


def violations(page: Page) -> list[tuple[str, str, list[str]]]:
    """What axe-core finds against WCAG 2.2 AA in a page of Playwright, everything folded opened."""
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.add_script_tag(path=AXE)
    options = {"runOnly": {"type": "tag", "values": WCAG}, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(document, options)", options)
    assert found["passes"], "axe has looked at nothing"
    return [(v["id"], v["help"], [n["html"][:200] for n in v["nodes"][:3]]) for v in found["violations"]]
