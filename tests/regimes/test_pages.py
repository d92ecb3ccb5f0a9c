"""The regimes' pages as web pages: axe-core for WCAG 2.2 AA, Chromium for what is seen."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fairweigh.api import load_result
from fairweigh.audit.regimes.files import read_regimes
from fairweigh.reports.regimes.pages import regime_pages

from ..pages import AXE, html_errors, needs_checker, needs_chromium, violations
from .pages import counted, write_cells
from .test_documentation import EU, NIST
from .test_nyc_ll144 import BOTH, GIVEN

if TYPE_CHECKING:
    from playwright.sync_api._generated import Browser


NAMES = ("credit", "eu-ai-act", "four-fifths", "nist-ai-rmf", "nyc-ll144")
PERMITTED = r"^(#|\.\./report\.html$)"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with the pages of every regime of figures, the rule's own example as its data."""
    from fairweigh import run

    folder = tmp_path_factory.mktemp("regimes")
    write_cells(folder / "cells.csv", [({"sex": s, "race": r}, n, k) for r, s, n, k, _ in BOTH])
    config = counted(
        ["sex", "race"],
        [
            "four-fifths",
            {"nyc-ll144": {**GIVEN, "exclude_below": 0.01, "justification": "Too few."}},
            {"credit": {"reference": {"sex": "Male", "race": "White"}, "air_limit": 0.9}},
            {"eu-ai-act": EU},
            {"nist-ai-rmf": NIST},
        ],
    )
    config["data"]["path"] = str(folder / "cells.csv")
    run(config, folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def written(run: Path) -> Any:
    """The pages in both languages, as files."""
    result, made = load_result(run), {}
    for regime in read_regimes(run):
        for language in ("en", "zh"):
            path = run.parent / f"{regime.regime}-{language}.html"
            (text,) = regime_pages(regime, result, language).values()
            path.write_text(text, encoding="utf-8")
            made[regime.regime, language] = path
    return made


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_refers_to_itself_and_the_report_alone(written: Any, name: Any, language: str) -> None:
    text = written[name, language].read_text(encoding="utf-8")
    assert all(re.match(PERMITTED, link) for link in re.findall(r'href="([^"]*)"', text))
    assert "<script" not in text
    assert "src=" not in text


@needs_checker
def test_html_is_valid(written: Any) -> None:
    assert html_errors(written.values()) == set()


@needs_chromium
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_accessible_and_fits_the_screen(
    written: Any, browser: Browser, name: Any, language: str
) -> None:
    for width in (360, 1280):
        page: Any = browser.new_page(viewport={"width": width, "height": 900})
        said: list[Any] = []
        asked: list[Any] = []
        page.on("console", lambda message, said=said: said.append(message.text))
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(written[name, language].as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert (said, len(asked)) == ([], 1)
        # Both languages have the same elements: each is asked for at one of the widths.
        if AXE.exists() and (language == "en") == (width == 1280):
            assert violations(page) == []
        page.close()


@needs_chromium
@pytest.mark.parametrize("name", NAMES)
def test_a_page_prints_on_a4_with_the_judgement_on_one_sheet(
    written: Any, browser: Browser, tmp_path: Path, name: Any
) -> None:
    from pypdf import PdfReader

    page = browser.new_page()
    page.goto(written[name, "en"].as_uri())
    page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
    page.close()
    texts = [sheet.extract_text() for sheet in PdfReader(tmp_path / "page.pdf").pages]
    sheets = [" ".join(unicodedata.normalize("NFKC", text).split()) for text in texts]
    assert all(f"{k} / {len(sheets)}" in sheet for k, sheet in enumerate(sheets, start=1))
    (judged,) = [sheet for sheet in sheets if "To be filled in by the person who judges." in sheet]
    assert "Date and signature" in judged
