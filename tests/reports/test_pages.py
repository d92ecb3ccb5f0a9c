"""The report as a web page: valid HTML, accessible, complete without a script, whole on paper.

Outside answers: axe-core for WCAG 2.2 AA, the Nu HTML checker for validity, Chromium for what is seen and
pypdf for what is printed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fairweigh.reports.page.html import render_annex

from ..pages import (
    html_errors,
    needs_axe,
    needs_checker,
    needs_chinese_font,
    needs_chromium,
    violations,
)

if TYPE_CHECKING:
    from playwright.sync_api._generated import Browser, Page


PAGES = [
    ("compas", "en"), ("compas", "zh"), ("compressed", "en"), ("compared", "zh"), ("hostile", "en"),
    ("hostile_ladder", "zh"), ("multiclass", "en"), ("regression", "zh"), ("multilabel", "en"),
    ("multilabel", "zh"), ("ranking", "en"), ("ranking", "zh"),
]  # fmt: skip
"""Every report in one language or the other, some in both: what differs by language is the texts alone."""
Pages = dict[tuple[str, str], Path]
A4_TEXT = 178  # mm: A4 less the margins of the print style


@pytest.fixture(scope="module")
def pages(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """The reports as files."""
    folder = tmp_path_factory.mktemp("pages")
    made = {}
    for name, language in PAGES:
        path = folder / f"{name}-{language}.html"
        path.write_text(render_annex(request.getfixturevalue(name), language=language), encoding="utf-8")
        made[name, language] = path
    return made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    yield page
    page.close()


@needs_checker
def test_html_is_valid(pages: Pages) -> None:
    assert html_errors(pages.values()) == set()


@needs_chromium
@needs_axe
@pytest.mark.parametrize(("name", "language"), PAGES)
def test_page_is_accessible(pages: Pages, page: Page, name: str, language: str) -> None:
    """English on a desk's screen, Chinese on a telephone's."""
    page.set_viewport_size({"width": 1280 if language == "en" else 360, "height": 900})
    page.goto(pages[name, language].as_uri())
    assert violations(page) == []


@needs_chromium
@needs_axe
def test_axe_finds_what_is_planted(page: Page) -> None:
    page.set_content("<html lang=en><title>t</title><main><h1>t</h1><img src='data:,'></main>")
    assert [name for name, *_ in violations(page)] == ["image-alt"]


@needs_chromium
@pytest.mark.parametrize("name", ["compressed", "hostile", "multiclass"])
def test_page_is_complete_without_javascript(pages: Pages, browser: Browser, page: Page, name: str) -> None:
    bare = browser.new_context(java_script_enabled=False).new_page()
    bare.goto(pages[name, "en"].as_uri())
    page.goto(pages[name, "en"].as_uri())
    for selector in ("h1, h2, h3", "caption", "td, th", "svg", "summary"):
        texts = bare.locator(selector).all_text_contents()
        assert texts == page.locator(selector).all_text_contents()
        assert len(texts) > 0
    # What is folded opens by the browser's own means.
    folded = bare.query_selector("details:not([open])")
    folded.query_selector("summary").click()
    assert folded.get_attribute("open") is not None
    bare.context.close()


@needs_chromium
@pytest.mark.parametrize(("name", "language"), [("compas", "zh"), ("compressed", "en")])
def test_whole_page_is_reached_by_keyboard(pages: Pages, page: Page, name: str, language: str) -> None:
    page.goto(pages[name, language].as_uri())
    stops = page.evaluate(
        """() => [...document.querySelectorAll('a[href], summary, button, [tabindex="0"]')]
            .filter(e => e.checkVisibility() && !e.closest('details:not([open]) > :not(summary)'))
            .map((e, k) => (e.dataset.stop = k))"""
    )
    reached, unseen = [], []
    for _ in stops:
        page.keyboard.press("Tab")
        stop, outline = page.evaluate(
            """() => [document.activeElement, getComputedStyle(document.activeElement)]
                .map((e, k) => k ? e.outlineStyle : +e.dataset.stop)"""
        )
        reached.append(stop)
        unseen += [stop] if outline == "none" else []
    assert reached == stops
    assert unseen == [], "where the focus is must be seen"


@needs_chromium
def test_figures_are_one_key_away(pages: Pages, page: Page) -> None:
    page.goto(pages["compas", "en"].as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.wait_for_url("**#annex")  # the browser moves after the key has been taken


@needs_chromium
def test_folded_part_opens_and_closes_by_keyboard(pages: Pages, page: Page) -> None:
    page.goto(pages["compas", "en"].as_uri())
    folded = page.query_selector("details:not([open])")
    folded.query_selector("summary").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("details => details.open", arg=folded)
    page.keyboard.press("Space")
    page.wait_for_function("details => !details.open", arg=folded)


@needs_chromium
@pytest.mark.parametrize(("name", "language"), PAGES)
def test_paper_shows_whole_tables(pages: Pages, page: Page, name: str, language: str) -> None:
    """At the width of an A4 page nothing sticks out to the right, where paper cannot scroll."""
    page.set_viewport_size({"width": int(A4_TEXT / 25.4 * 96), "height": 900})
    page.emulate_media(media="print")
    page.goto(pages[name, language].as_uri())
    wide = page.evaluate(
        """() => [...document.querySelectorAll('table, svg, pre, dl')]
            .filter(e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1)
            .map(e => (e.closest('.scroll, figure, section') || e).textContent.trim().slice(0, 80))"""
    )
    assert wide == []


def printed(page: Page) -> list[str]:
    """The text of each printed page."""
    from io import BytesIO

    from pypdf import PdfReader

    sheets = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True))).pages
    return [sheet.extract_text() for sheet in sheets]


@needs_chromium
def test_heads_of_tables_stand_on_every_sheet_with_the_script_as_without(
    pages: Pages, browser: Browser, page: Page
) -> None:
    """Chromium repeats no head that holds what one could press, and the script makes heads pressable."""
    bare = browser.new_context(java_script_enabled=False).new_page()
    for shown in (bare, page):
        shown.goto(pages["compas", "en"].as_uri())
    texts = printed(page)
    assert texts == printed(bare)
    assert max(text.count("Decision limits") for text in texts) > 1
    bare.context.close()


@needs_chromium
@pytest.mark.parametrize("language", ["en", pytest.param("zh", marks=needs_chinese_font)])
def test_printed_pages_are_numbered_and_hold_every_row(pages: Pages, page: Page, language: str) -> None:
    page.goto(pages["compas", language].as_uri())
    rows = page.locator("table tbody th[scope=row]").count()
    texts = printed(page)
    for number, text in enumerate(texts, 1):
        assert re.search(rf"(?<!\d){number} / {len(texts)}(?!\d)", text)
    # A PDF may print "ff" as one sign.
    whole = "".join(unicodedata.normalize("NFKC", "".join(texts)).split())
    page.emulate_media(media="print")
    names = page.locator("table tbody th[scope=row]").all_inner_texts()
    missing = [
        n for n in names if "".join(unicodedata.normalize("NFKC", n).split("\n")[0].split()) not in whole
    ]
    assert (len(names), missing) == (rows, [])
