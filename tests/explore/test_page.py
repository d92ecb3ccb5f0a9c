"""The page in a real browser: by keyboard and by eye, in two languages, on a telephone, asking for nothing.

Outside answers: Chromium for what is seen, axe-core for WCAG 2.2 AA, the Nu HTML checker for validity, and an
audit of the same rows at the threshold that the slider was moved to.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fairweigh.audit.config import Gate
from fairweigh.explore.page import MOST_BYTES
from ruamel.yaml import YAML

from ..pages import html_errors, needs_axe, needs_checker, needs_chinese_font, needs_chromium, violations
from .looking import rested, show

if TYPE_CHECKING:
    from playwright.sync_api._generated import Browser, Page

    from .conftest import Made

Written = Callable[..., Path]
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def explorers(made: Made, written: Written) -> dict[str, Path]:
    return {language: written(made(), language) for language in ("en", "zh")}


def overall(run: Path, metric: str) -> float:
    told = json.loads((run / "audit.json").read_text(encoding="utf-8"))
    return float(told["variants"][0]["overall"][metric]["value"])


def test_it_asks_for_nothing_and_says_nothing(explorers: dict[str, Path], browser: Browser) -> None:
    page = browser.new_page()
    asked: list[str] = []
    messages: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    show(page, explorers["en"])
    page.locator("#slider").press("ArrowRight")
    page.wait_for_timeout(300)
    assert asked == [explorers["en"].as_uri()]
    assert messages == []
    assert explorers["en"].stat().st_size < MOST_BYTES / 10
    assert "stays the record" in page.locator("#what").inner_text()
    page.close()


def test_the_slider_moves_by_keyboard_to_the_figures_of_an_audit_there(
    made: Made, explorers: dict[str, Path], page: Page
) -> None:
    show(page, explorers["en"])
    slider = page.locator("#slider")
    assert slider.get_attribute("aria-valuetext") == "0.5"
    for _ in range(60):
        slider.press("ArrowRight")
    page.wait_for_function("document.getElementById('at').textContent === '0.8'")
    assert slider.get_attribute("aria-valuetext") == "0.8"
    assert "the audit was at 0.5" in page.locator("#state").inner_text()
    shown = page.locator("#tiles div").filter(has_text="Accuracy").locator("b").inner_text()
    assert shown == f"{100 * overall(made(threshold=0.8), 'accuracy'):.1f}\u00a0%"
    # Told to who does not see it.
    assert "Threshold 0.8" in page.locator("#said").inner_text()
    page.locator("#back").press("Enter")
    assert page.locator("#at").inner_text() == "0.5"
    assert page.evaluate("document.activeElement.id") == "slider"


def test_slices_crossings_order_and_search(explorers: dict[str, Path], page: Page) -> None:
    show(page, explorers["en"])
    boxes = page.locator("#features input")
    race = page.locator("#features label").filter(has_text="race").locator("input")
    race.check()
    rows = page.locator("#rows tr th")
    page.wait_for_function("document.querySelectorAll('#rows tr').length > 4")
    assert page.locator("#slices").inner_text().endswith("by sex × race")
    gaps = page.evaluate("[...document.querySelectorAll('#rows tr')].map(r => r.textContent)")
    assert len(gaps) == 10
    page.locator("#sort").select_option("name")
    page.wait_for_function("document.querySelector('#rows th').textContent.includes('Female · (unknown)')")
    page.locator("#find").fill("male · b")
    page.wait_for_function("document.querySelectorAll('#rows tr').length === 2")
    assert [name.split("\n")[0] for name in rows.all_inner_texts()] == ["Female · b", "Male · b"]
    # One feature stays chosen.
    race.uncheck()
    page.evaluate("document.querySelectorAll('#features input:checked')[0].click()")
    assert boxes.evaluate_all("boxes => boxes.filter(box => box.checked).length") == 1


def test_what_is_copied_is_configuration(explorers: dict[str, Path], page: Page) -> None:
    show(page, explorers["en"])
    page.locator("#limit").fill("12.5")
    page.locator("#slider").press("PageUp")
    page.wait_for_function("document.getElementById('gate-yaml').textContent.includes('0.125')")
    yaml = YAML(typ="safe")
    (gate,) = yaml.load(page.locator("#gate-yaml").inner_text())["gates"]
    asked = Gate.model_validate(gate)
    assert (asked.metric, asked.features, asked.limit) == ("true_positive_rate", ("sex",), "<= 0.125")
    threshold = yaml.load(page.locator("#threshold-yaml").inner_text())["model"]["threshold"]
    assert threshold == float(page.locator("#at").inner_text())


def test_weights_and_clusters(made: Made, written: Written, page: Page) -> None:
    show(page, written(made(data={"weight": "w"})))
    tile = page.locator("#tiles div").filter(has_text="Selection rate").locator("b")
    assert tile.inner_text() == f"{100 * overall(made(data={'weight': 'w'}), 'selection_rate'):.1f}\u00a0%"
    page.locator("#weighted").uncheck()
    wanted = f"{100 * overall(made(), 'selection_rate'):.1f}\u00a0%"
    page.wait_for_function(f"document.querySelector('#tiles b').textContent === {json.dumps(wanted)}")
    show(page, written(made(data={"cluster": "c"})))
    assert page.locator("#weighing").is_hidden()
    assert "depend on each other" in page.locator("#legend").inner_text()
    assert "as audited: rows of a cluster" in page.locator("#gates").inner_text()


def test_variants_side_by_side(made: Made, written: Written, page: Page) -> None:
    """One decides by another threshold of the same score, one by a rule of its own."""
    variants = [
        {"name": "strict", "decision": "strict", "score": "score"},
        {"name": "ruled", "decision": "d"},
    ]
    show(page, written(two_variants(made, variants)))
    assert page.locator("#ladder tr").count() == 3
    page.locator("#b").select_option("strict")
    page.locator("#a").select_option("ruled")
    page.wait_for_function("document.getElementById('slider').disabled")
    assert page.locator("#at").inner_text() == "own rule"
    assert "has no scores" in page.locator("#state").inner_text()
    page.locator("#a").select_option("strict")
    page.wait_for_function("document.getElementById('at').textContent === '0.7'")


def two_variants(made: Made, variants: list[dict[str, Any]]) -> Path:
    import numpy as np
    import pyarrow as pa

    from .conftest import people

    table = people()
    score = table["score"].to_numpy()
    table = table.append_column("strict", pa.array((score >= 0.7).astype(int)))
    ruled = np.random.default_rng(0).integers(0, 2, len(score))
    table = table.append_column("d", pa.array(ruled))
    return made(table, variants=variants, gates=[])


@needs_checker
def test_html_is_valid(explorers: dict[str, Path]) -> None:
    assert html_errors(explorers.values()) == set()


@needs_axe
@pytest.mark.parametrize(
    ("language", "scheme", "width"), [("en", "light", 1280), ("zh", "dark", 400), ("en", "dark", 1280)]
)
def test_page_is_accessible(
    explorers: dict[str, Path], browser: Browser, language: str, scheme: Any, width: int
) -> None:
    size = {"width": width, "height": 900}
    context = browser.new_context(bypass_csp=True, color_scheme=scheme, viewport=size)  # type: ignore[arg-type]
    page = context.new_page()
    show(page, explorers[language])
    page.locator("#slider").press("PageUp")
    page.locator("#features input").last.check()
    rested(page)
    assert violations(page) == []
    context.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_fits_a_telephone(explorers: dict[str, Path], page: Page, language: str) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    show(page, explorers[language])
    page.locator("#features input").last.check()
    rested(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


@needs_chinese_font
def test_chinese_has_no_english_left(explorers: dict[str, Path], page: Page) -> None:
    show(page, explorers["zh"])
    rested(page)
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    text = page.evaluate(
        "[...document.querySelectorAll('h2, p.key, p.note, label, th, button, #state, #gates .under')]"
        ".map(e => e.firstChild && e.firstChild.nodeType === 3 ? e.firstChild.textContent : '').join(' ')"
    )
    for given in ("Female", "Male", "sex", "race", "original"):
        text = text.replace(given, "")
    assert [word for word in text.split() if word.isascii() and word.isalpha() and len(word) > 1] == []
