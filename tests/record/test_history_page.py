"""The page of a history: what it says is the database's, and how it is seen.

Outside answers: axe-core, the Nu HTML checker, Chromium.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fairweigh.reports.front.over_time import Moment, height_of, over_time

from ..pages import html_errors, needs_axe, needs_checker, needs_chromium, violations

if TYPE_CHECKING:
    from playwright.sync_api._generated import Browser

    from ..conftest import Ended


@pytest.fixture
def page(releases: Any, cli: Callable[..., Ended]) -> Callable[..., str]:
    """The history of releases of ratios 0.95, 0.85, 0.75, 0.9 and 0.6, as a page."""

    def do(*args: str) -> str:
        ended = cli("history", "t", "--html", "h.html", *args)
        assert ended.code == 0, ended
        assert "charts: h.html" in ended.out
        return Path("h.html").read_text(encoding="utf-8")

    return do


def words(text: str) -> str:
    """What is read on a page."""
    shown = re.sub(r"<(style|script)>.*?</\1>|<title>.*?</title>|<[^>]*>", "", text, flags=re.DOTALL)
    return " ".join(shown.split())


def test_one_sees_the_last_verdict_what_changed_and_every_gate(page: Callable[..., str]) -> None:
    text = page()
    read = words(text)
    assert "2.0 does not pass" in read
    assert "1 of 2 gates pass, 1 fails." in read
    assert "The first run that broke a limit is 1.2: Selection rate by sex." in read
    assert "Selection rate by sex: pass before, now fail (0.900, now 0.600)." in read
    for figure in ("0.950", "0.850", "0.750", "0.600"):
        assert figure in read
    # A drawing for each gate and each overall figure.
    assert text.count('class="series"') == 4
    parity = text.partition('class="series"')[2].partition('<p class="when"')[0]
    told = re.findall(r"<title>(.*?)</title>", parity)
    ratios = ["1.0: 0.950", "1.1: 0.850", "1.2: 0.750", "1.3: 0.900", "2.0: 0.600"]
    assert [one.split(" (")[0] for one in told] == ratios
    assert re.fullmatch(r"1\.2: 0\.750 \([\d.]+ to [\d.]+\), ratio ≥\xa00\.8: fail", told[2])
    verdicts = ["pass", "pass", "fail", "pass", "fail"]
    assert re.findall(r'class="mark (\w+)"', parity) == verdicts


def test_each_run_leads_to_its_own_report(page: Callable[..., str]) -> None:
    links = re.findall(r'href="([^#"]+)"', page())
    newest_first = [f"./runs/{name}/report.html" for name in ("2.0", "1.3", "1.2", "1.1", "1.0")]
    assert links == [newest_first[0], *newest_first]
    # A folder that holds another run now is no report of the one before.
    Path("runs/1.2/audit.json").write_text("{}", encoding="utf-8")
    assert "./runs/1.2/report.html" not in page()
    assert re.findall(r'href="([^#"]+)"', page("--runs", "runs/1.3")) == ["./runs/1.3/report.html"]


def test_hostile_names_are_text(page: Callable[..., str], released: Callable[..., Ended]) -> None:
    released("<script>alert(1)</script>\u202e".replace("/", "_"), 0.9)
    text = page()
    assert text.count("<script") == 1, "the one that shows values"
    assert "&lt;script&gt;alert(1)" in text
    assert "\u202e" not in text


def test_bands_follow_a_limit_that_was_changed() -> None:
    moments = [Moment(0.9, allowed=(0.8, float("inf"))), Moment(0.85, allowed=(0.8, float("inf"))),
               Moment(0.88, allowed=(0.86, float("inf"))), Moment(None)]  # fmt: skip
    height = height_of(moments, 100)
    drawn = over_time(moments, height)
    bands = re.findall(r'<rect x="([\d.]+)%" width="([\d.]+)%" y="0" height="([\d.]+)"', drawn)
    assert [(float(x), float(w), float(h)) for x, w, h in bands] == [
        (0, 50, height(0.8)), (50, 25, height(0.86))
    ]  # fmt: skip
    assert height(0.8) > height(0.86) > height(0.9)
    assert drawn.count("<title>") == 3


@needs_checker
def test_html_is_valid(page: Callable[..., str]) -> None:
    page()
    Path("h.html").rename("en.html")
    page("--language", "zh")
    assert html_errors([Path("en.html"), Path("h.html")]) == set()


@needs_chromium
@needs_axe
@pytest.mark.parametrize(("language", "width", "scheme"), [("en", 1280, "light"), ("zh", 400, "dark")])
def test_a_history_is_accessible_and_fits(
    page: Callable[..., str], browser: Browser, language: str, width: int, scheme: Any
) -> None:
    page("--language", language)
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    seen = context.new_page()
    asked: list[str] = []
    seen.on("request", lambda request: asked.append(request.url))
    seen.goto(Path("h.html").absolute().as_uri())
    assert asked == [Path("h.html").absolute().as_uri()]
    assert seen.evaluate("document.documentElement.scrollWidth") <= width
    # Dots are one stop of the keyboard for each drawing.
    stops = seen.locator(".series [data-says][tabindex='0']")
    assert stops.count() == seen.locator(".series").count() == 4
    stops.first.focus()
    seen.keyboard.press("ArrowRight")
    assert seen.inner_text("#tip").startswith("1.1")
    assert violations(seen) == []
    context.close()


@needs_chromium
def test_a_history_is_whole_without_script(page: Callable[..., str], browser: Browser) -> None:
    page()
    context = browser.new_context(java_script_enabled=False)
    seen = context.new_page()
    seen.goto(Path("h.html").absolute().as_uri())
    assert seen.locator(".series .mark").first.is_visible()
    seen.locator("summary").first.click()
    assert "0.950" in seen.locator("details[open] table").inner_text()
    context.close()
