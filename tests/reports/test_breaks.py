"""Names of the data break behind underscores and hyphens, never within a word, and no chart cuts them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fairweigh.audit.result import AuditResult
from fairweigh.reports.drawing.labels import in_two, width_of
from fairweigh.reports.page.breaks import MOST, pieces
from fairweigh.reports.page.html import render_annex

from ..pages import needs_chromium

if TYPE_CHECKING:
    from playwright.sync_api._generated import Browser, Page

LONG = {
    "onnx-int8": "threshold-equal_opportunity",
    "prune-structured-0.5": "fairlearn_thresholds-equalized_odds-sex_race",
    "African-American": "Amer-Indian-Eskimo",
}
"""Names as long as those that recipes, constraints and registries give."""
VIEWS = [(400, "screen"), (1280, "screen"), (673, "print")]
"""Widths: a telephone's, a desk's, and of an A4 page less its margins."""
BROKEN = """most => {
    const found = [];
    for (const place of document.querySelectorAll('h1, h2, h3, h4, h5, th, summary, dt, caption')) {
        if (!place.checkVisibility()) continue;
        const texts = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
        for (let text; text = texts.nextNode();)
            for (const word of text.data.matchAll(/[\\p{Script=Latin}\\p{N}]+/gu)) {
                const range = document.createRange();
                range.setStart(text, word.index);
                range.setEnd(text, word.index + word[0].length);
                const tops = [...range.getClientRects()].filter(r => r.width).map(r => Math.round(r.top));
                if (new Set(tops).size > 1 && word[0].length <= most)
                    found.push([place.tagName, word[0], place.textContent.trim().slice(0, 60)]);
            }
    }
    return found;
}"""
"""Words whose letters stand on several lines, but those that are longer than any line has to be."""
CUT = """() => [...document.querySelectorAll('svg[role=img]')].flatMap(image => {
    const frame = image.getBoundingClientRect(), chart = image.closest('.chart');
    // The last tick's label may stand over the edge of its image, which does not cut it.
    const end = chart.getBoundingClientRect().left + Math.max(chart.scrollWidth, chart.clientWidth);
    return [...image.querySelectorAll('text')].filter(text => {
        const box = text.getBoundingClientRect();
        return text.textContent.includes('…') || box.width && (box.left < frame.left - 1
            || box.right > end + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1);
    }).map(text => text.textContent);
})"""
HIDDEN = """() => [...document.querySelectorAll('.names:not(.tail) span')]
    .filter(name => name.checkVisibility()
        && (name.scrollWidth > name.clientWidth + 1 || name.scrollHeight > name.clientHeight + 2))
    .map(name => name.textContent)"""


@pytest.fixture(scope="module")
def named(compressed: AuditResult) -> AuditResult:
    """The same variants and slices under long names."""
    text = compressed.model_dump_json()
    for name, longer in LONG.items():
        text = re.sub(rf"(?<=[\"=]){re.escape(name)}(?=[\"&, ])", longer, text)
    return AuditResult.model_validate_json(text)


def shown(browser: Browser, path: Path, width: int, media: Any) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.emulate_media(media=media)
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    return page


@needs_chromium
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_heading_or_head_of_a_table_breaks_within_a_word(
    browser: Browser, named: AuditResult, tmp_path: Path, language: str
) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_annex(named, language=language), encoding="utf-8")
    for width, media in VIEWS:
        page = shown(browser, path, width, media)
        assert page.evaluate(BROKEN, MOST) == [], (width, media)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.close()


@needs_chromium
def test_a_break_within_a_word_is_found(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<h1 style='width:4em;overflow-wrap:anywhere'>equal_opportunity</h1>")
    assert [word for _, word, _ in page.evaluate(BROKEN, MOST)] == ["opportunity"]
    page.close()


@needs_chromium
@pytest.mark.parametrize("name", ["compas", "named", "compared", "multiclass", "regression"])
def test_charts_show_whole_names(
    browser: Browser, request: pytest.FixtureRequest, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_annex(request.getfixturevalue(name)), encoding="utf-8")
    for width, media in VIEWS[1:]:
        page = shown(browser, path, width, media)
        assert page.evaluate("document.querySelectorAll('svg[role=img] text').length") > 50
        assert (page.evaluate(CUT), page.evaluate(HIDDEN)) == ([], []), (width, media)
        page.close()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("threshold-equal_opportunity", ["threshold-", "equal_", "opportunity"]),
        ("prune-magnitude-0.95", ["prune-", "magnitude-", "0.95"]),
        ("encoder.layer.0.attention", ["encoder.", "layer.0.", "attention"]),
        ("2018-24 and 25-64 years", ["2018-24 and 25-64 years"]),
        ("short_name", ["short_name"]),
        ("_" * 20, ["_" * 20]),
        ("x" * 50, ["x" * 24, "x" * 24, "xx"]),
        ("", [""]),
    ],
)
def test_names_are_cut_where_they_may_break(name: str, expected: list[str]) -> None:
    assert pieces(name) == expected


def test_a_long_title_stands_on_two_lines() -> None:
    assert in_two("Female", 100) == ("", "Female")
    above, title = in_two("Female, Amer-Indian-Eskimo", 120)
    assert (above, title) == ("Female, Amer-", "Indian-Eskimo")
    assert max(width_of(above), width_of(title)) <= 120
    assert in_two("x" * 40, 100) == ("", "x" * 40)
