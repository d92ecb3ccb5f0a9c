"""Tables sorted in Chromium: by the figure and not its text, by keyboard, told to a screen reader."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fairweigh.audit.result import AuditResult
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.words.formats import Shown, count, figure

if TYPE_CHECKING:
    from playwright.sync_api._generated import Browser, ElementHandle, Page


CHROMIUM = shutil.which("chromium")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")

COLUMN = """([table, column]) => [...table.tBodies].map(body => [...body.rows].filter(row =>
    !row.matches('.group, .all, .more')).map(row => row.cells[column].dataset.value ?? ''))"""


@pytest.fixture
def page(browser: Browser, compas: AuditResult, tmp_path: Path) -> Iterator[Page]:
    path = tmp_path / "report.html"
    path.write_text(render_annex(compas, charts=False), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    yield page
    page.close()


def figures(page: Page, table: ElementHandle | None, column: int) -> Any:
    return page.evaluate(COLUMN, [table, column])


def test_every_table_of_more_than_one_line_can_be_sorted(page: Page) -> None:
    bare = page.evaluate(
        """() => [...document.querySelectorAll('table')].filter(table => !table.querySelector('thead button')
            && [...table.tBodies].some(body => body.rows.length > 2)).length"""
    )
    assert bare == 0


def test_rows_are_sorted_by_the_figure_and_the_last_line_stays(page: Page) -> None:
    """Text would put 1,201 before 32; the line of all rows is no slice."""
    table = page.query_selector("section[aria-labelledby=slices-1] table.figures")
    before = figures(page, table, 1)
    head = table.query_selector("thead th:nth-child(2) button")
    head.click()
    rising = [float(v) for v in figures(page, table, 1)[0]]
    assert rising == sorted(rising)
    assert rising != [float(v) for v in before[0]]
    head.click()
    assert [float(v) for v in figures(page, table, 1)[0]] == sorted(rising, reverse=True)
    assert table.query_selector("tbody tr:last-child").get_attribute("class") == "all"
    head.click()
    assert figures(page, table, 1) == before


def test_sorting_is_told_and_marked(page: Page) -> None:
    table = page.query_selector("section[aria-labelledby=slices-1] table.figures")
    head = table.query_selector("thead th:nth-child(2)")
    head.query_selector("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert page.locator("#sorted").text_content() == "Sorted by n, ascending."
    other = table.query_selector("thead th:nth-child(3)")
    other.query_selector("button").focus()
    page.keyboard.press("Space")
    assert head.get_attribute("aria-sort") is None
    assert other.get_attribute("aria-sort") == "ascending"


def test_groups_keep_their_headings_and_their_rows(page: Page) -> None:
    table = page.query_selector("table:has(tr.group)")
    groups = (
        "t => [...t.tBodies].map(b => [b.rows[0].textContent, [...b.rows].map(r => r.textContent).sort()])"
    )
    before = page.evaluate(groups, table)
    table.query_selector("thead th:nth-child(2) button").click()
    assert page.evaluate(groups, table) == before
    for group in figures(page, table, 1):
        values = [float(v) for v in group if v]
        assert values == sorted(values)


def test_a_gate_moves_with_the_lines_under_it(page: Page) -> None:
    table = page.query_selector("section[aria-labelledby=gates] table")
    bodies = "t => [...t.tBodies].map(b => b.textContent)"
    before = page.evaluate(bodies, table)
    table.query_selector("thead th button").click()
    after = page.evaluate(bodies, table)
    assert sorted(after) == sorted(before)
    titles = page.evaluate("t => [...t.tBodies].map(b => b.rows[0].cells[0].textContent)", table)
    assert titles == sorted(titles, key=str.casefold)


def test_undefined_figures_stay_last_either_way(page: Page) -> None:
    table = page.evaluate_handle(
        """() => [...document.querySelectorAll('section[aria-labelledby=slices-3] table.figures')]
            .find(t => [...t.querySelectorAll('tbody td')].some(c => c.textContent.startsWith('—')))"""
    ).as_element()
    column = page.evaluate(
        "t => [...t.querySelectorAll('tbody td')].find(c => c.textContent.startsWith('—')).cellIndex", table
    )
    for _ in range(2):
        table.query_selector(f"thead th:nth-child({column + 1}) button").click()
        values = figures(page, table, column)[0]
        assert "" in values
        assert "" not in values[: values.index("")]
        assert set(values[values.index("") :]) == {""}


def test_a_figure_keeps_the_value_that_its_text_rounds() -> None:
    assert figure(0.44847, "percent") == "44.8\u00a0%"
    assert figure(0.44847, "percent").value == 0.44847  # type: ignore[attr-defined]
    assert count(7214).value == 7214  # type: ignore[attr-defined]
    assert not isinstance(figure(None, "percent"), Shown)
