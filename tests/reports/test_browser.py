"""The report in a browser: nothing beyond the file, no message, no sideways scroll."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fairweigh.reports.page.html import render_annex

if TYPE_CHECKING:
    from playwright.sync_api._generated import Browser


CHROMIUM = shutil.which("chromium")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")


@pytest.fixture(scope="module", params=["compas", "hostile", "compressed", "hostile_ladder", "compared"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(request.param) / "report.html"
    path.write_text(render_annex(request.getfixturevalue(request.param)), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [360, 1280])
def test_page_is_quiet_and_fits(browser: Browser, report: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    requests, messages = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("dialog", lambda dialog: messages.append(dialog.message))
    page.goto(report.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert requests == [report.as_uri()]
    assert messages == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_chart_rows_stand_beside_their_names(browser: Browser, report: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(report.as_uri())
    ends = page.evaluate(
        """() => {
            const chart = document.querySelector('.chart:has(.names)');
            const names = chart.querySelector('.names').getBoundingClientRect();
            const image = chart.querySelector('svg').getBoundingClientRect();
            return [names.top - image.top, names.bottom - image.bottom, image.width];
        }"""
    )
    assert ends[0] == pytest.approx(0, abs=1)
    assert ends[1] == pytest.approx(0, abs=1)
    assert ends[2] < 520
    page.close()


def test_print_shows_closed_details_and_hides_the_contents(browser: Browser, report: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(report.as_uri())
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
    assert page.locator("details pre").is_visible()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    page.close()
