"""What is seen stands in the address from # on: to send, to go back to, and never in place of the token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from ..pages import needs_chromium
from .conftest import people
from .looking import rested, show

if TYPE_CHECKING:
    from playwright.sync_api._generated import Page

    from .conftest import Made

pytestmark = needs_chromium

SHARED = (
    "#variant=lighter&against=original&threshold=0.7&slices=sex&slices=race&metric=precision&limit=12.5&sort=name&find=male"
    "&weights=no"
)
READ = """() => ({
  a: document.getElementById("a").value, b: document.getElementById("b").value,
  at: document.getElementById("at").textContent, metric: document.getElementById("metric").value,
  limit: document.getElementById("limit").value, sort: document.getElementById("sort").value,
  find: document.getElementById("find").value, weighted: document.getElementById("weighted").checked,
  slices: [...document.querySelectorAll("#features input:checked")].length,
  rows: document.querySelectorAll("#rows tr").length,
})"""
SEEN = {
    "a": "lighter", "b": "original", "at": "0.7", "metric": "precision", "limit": "12.5", "sort": "name",
    "find": "male", "weighted": False, "slices": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def explorer(made: Made, written: Callable[..., Path]) -> Path:
    table = people().append_column("d", pa.array((people()["score"].to_numpy() >= 0.6).astype(int)))
    variants = [{"name": "lighter", "score": "score", "decision": "d"}]
    return written(made(table, data={"weight": "w"}, variants=variants))


def address(page: Page) -> str:
    return str(page.evaluate("location.hash"))


def test_an_address_opens_the_view_and_the_view_writes_it(explorer: Path, page: Page) -> None:
    show(page, explorer, SHARED)
    found = page.evaluate(READ)
    # "male" is in "Female", too.
    assert {key: found[key] for key in SEEN} == SEEN
    assert found["rows"] == 10
    assert page.locator("#ignored").is_hidden()
    assert page.evaluate("'#' + explorer.state.address()").split("&") == [
        "#variant=lighter", "against=original", "metric=precision", "threshold=0.7", "slices=sex",
        "slices=race", "limit=12.5", "sort=name", "find=male", "weights=no",
    ]  # fmt: skip
    show(page, explorer)
    assert address(page) == ""


def test_back_and_forward_go_through_what_was_seen(explorer: Path, page: Page) -> None:
    show(page, explorer)
    page.locator("#metric").select_option("precision")
    page.locator("#slider").press("ArrowRight")
    page.locator("#slider").press("ArrowRight")
    page.wait_for_function("location.hash.includes('threshold=0.51')")
    page.locator("#sort").select_option("name")
    assert address(page) == "#metric=precision&threshold=0.51&sort=name"
    page.go_back()
    page.wait_for_function("document.getElementById('sort').value === 'worst'")
    # Moves of the slider in a row are one step.
    page.go_back()
    page.wait_for_function("document.getElementById('at').textContent === '0.5'")
    assert address(page) == "#metric=precision"
    page.go_back()
    page.wait_for_function("document.getElementById('metric').value !== 'precision'")
    page.go_forward()
    page.go_forward()
    page.wait_for_function("document.getElementById('at').textContent === '0.51'")
    assert page.locator("#metric").input_value() == "precision"


@pytest.mark.parametrize(
    ("fragment", "told"),
    [
        ("#variant=nobody", "variant=nobody"),
        ("#threshold=high&sort=worst", "threshold=high"),
        ("#threshold=NaN", "threshold=NaN"),
        ("#threshold=", "threshold="),
        ("#limit=-3&limit=7", "limit=-3, limit=7"),
        ("#slices=<img src=x onerror=alert(1)>", "slices=<img src=x onerror=alert(1)>"),
        ("#metric=__proto__&class=x", "class=x, metric=__proto__"),
        ("#weights=perhaps", "weights=perhaps"),
        ("#sort=constructor", "sort=constructor"),
        ("#%E0%A4%A&&&=&a=b=c", "a=b=c"),
        ("#" + "x" * 5000, "x" * 60 + "\u2026"),
    ],
)
def test_what_says_nothing_here_is_left_out_with_a_line(
    explorer: Path, page: Page, fragment: str, told: str
) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    show(page, explorer, fragment)
    said = page.locator("#ignored")
    assert said.is_visible()
    assert "which is left out: " in said.inner_text()
    assert told in said.inner_text()
    assert len(said.inner_text()) < 500
    assert page.locator("#at").inner_text() == "0.5"
    # The line goes once something is chosen.
    page.locator("#sort").select_option("rows")
    assert said.is_hidden()
    assert problems == []


def test_a_threshold_between_two_places_is_taken_to_the_nearest(explorer: Path, page: Page) -> None:
    show(page, explorer, "#threshold=0.7012")
    assert page.locator("#at").inner_text() == "0.7"
    assert (
        page.locator("#ignored").inner_text()
        == "The slider has no place at 0.7012: the nearest, 0.7, is shown."
    )
    show(page, explorer, "#threshold=7")
    assert page.locator("#at").inner_text() == "1"


def test_a_gate_leads_to_its_slices_and_the_skip_link_keeps_the_view(explorer: Path, page: Page) -> None:
    show(page, explorer, "#threshold=0.7")
    page.locator("#gates .lead").filter(has_text="Precision by race").first.click()
    rested(page)
    assert page.locator("#slices").inner_text() == "Precision by race"
    assert page.evaluate("document.activeElement.id") == "slices"
    assert address(page) == "#metric=precision&threshold=0.7&slices=race"
    page.evaluate("document.getElementById('skip').click()")
    assert address(page) == "#metric=precision&threshold=0.7&slices=race"


def test_the_link_is_copied_whole(explorer: Path, page: Page) -> None:
    show(page, explorer)
    page.locator("#slider").press("End")
    page.locator("#link").click()
    assert page.locator("#address").inner_text() == explorer.as_uri() + "#threshold=1"
