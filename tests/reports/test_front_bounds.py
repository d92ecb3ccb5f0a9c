"""A front page is one screen whatever a run holds: what there is no room for is counted and lies below."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pandas as pd
import pytest
from fairweigh.reports.front.chart import MOST_ROWS, leading_chart
from fairweigh.reports.front.document import render_report
from fairweigh.reports.front.looked_up import Told
from fairweigh.reports.front.matrix import matrix
from fairweigh.reports.words.spoken import plain
from fairweigh.result import Result

from ..pages import needs_chromium

if TYPE_CHECKING:
    from playwright.sync_api._generated import Browser

LONG = "a_name_of_eighty_characters_" + "x" * 52


def audited(rows: pd.DataFrame, folder: Path, sensitive: list[str], **more: Any) -> Result:
    configuration = {
        "audit": "bounds", "data": {"label": "y", "sensitive": sensitive, "positive_is": "benefit"},
        "model": {"decision": "p"}, **more,
    }  # fmt: skip
    return fairweigh.run(configuration, folder / "run", data=rows, overwrite=True)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    r = np.random.default_rng(5)
    n = 3_000
    frame = pd.DataFrame({name: r.choice(["u", "v", "w"], n) for name in "abcd"})
    frame["one"] = "same"
    frame["y"] = (r.random(n) < 0.5).astype(int)
    unfair = (frame.c == "u") & (frame.d == "u")
    return frame.assign(p=(r.random(n) < np.where(unfair, 0.1, 0.6)).astype(int))


@pytest.fixture(scope="module")
def crossed(rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Result:
    gate = {"metric": "selection_rate", "by": ["c", "d"], "compare": "difference", "limit": "<= 0.1"}
    others = [
        {"metric": "accuracy", "limit": f">= 0.{k}", "id": f"right-{k}"} for k in range(1, 9)
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("crossed")
    return audited(
        rows, folder, ["a", "b", "c", "d", "one"], slices={"intersections": 2}, gates=[gate, *others]
    )


def test_what_fails_and_single_features_have_rows_and_the_rest_is_counted(crossed: Result) -> None:
    told = Told.of(crossed)
    assert told is not None
    found = matrix(told)
    assert found is not None
    names = [plain(row.name) for row in found.rows]
    assert names == ["a", "b", "c", "d", "c × d"]
    assert len(names) == MOST_ROWS
    assert found.more == len(crossed.coverage) - len(names)
    # The first that has no row of its own is the feature with a single value.
    assert found.rest == "feature-5"
    drawn = leading_chart(told)
    assert drawn is not None
    assert "c × d" in [plain(group.name) for group in drawn.groups]
    text = re.sub(r"<[^>]+>", "", render_report(crossed))
    assert f"{found.more} more: pages below" in text
    assert "2 more" in text.partition("Also gated")[2]


@needs_chromium
@pytest.mark.parametrize("language", ["en", "zh"])
def test_of_many_features_the_front_page_is_one_screen(
    crossed: Result, browser: Browser, tmp_path: Path, language: str
) -> None:
    (tmp_path / "report.html").write_text(render_report(crossed, language=language), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((tmp_path / "report.html").as_uri())
    assert page.evaluate("document.querySelector('#front').getBoundingClientRect().bottom") <= 900
    page.close()


@needs_chromium
def test_a_name_of_eighty_characters_moves_nothing_out_of_sight(
    rows: pd.DataFrame, browser: Browser, tmp_path: Path
) -> None:
    result = audited(rows.rename(columns={"a": LONG}), tmp_path, [LONG, "b"])
    (tmp_path / "report.html").write_text(render_report(result), encoding="utf-8")
    for wide in (1280, 400):
        page = browser.new_page(viewport={"width": wide, "height": 900})
        page.goto((tmp_path / "report.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= wide
        hidden = page.evaluate(
            """[...document.querySelectorAll('nav .sign, .matrix .cell .v')].filter((one) => {
                const box = one.getBoundingClientRect();
                const of = one.closest('nav, .cell').getBoundingClientRect();
                return box.width === 0 || box.right > of.right || box.left < of.left;
            }).length"""
        )
        assert hidden == 0
        page.close()


OVERLAPS = """(() => {
    const boxes = (list) => list.map((one) => one.getBoundingClientRect()).filter((box) => box.width > 1);
    const meet = (a, b) => a.left < b.right - .5 && b.left < a.right - .5
        && a.top < b.bottom && b.top < a.bottom;
    return [...document.querySelectorAll('svg.ticks')].filter((axis) => {
        const cell = axis.closest('th, td'), wide = axis.getBoundingClientRect().width;
        // What a drawing of no width holds is not drawn, though it has a box.
        const drawn = (one) => !one.closest('.other') || wide > one.closest('.other').classList[1].slice(6);
        const labels = boxes([...axis.querySelectorAll('text')].filter(drawn));
        const heads = boxes([...cell.parentNode.children].filter((one) => one !== cell).map((one) => {
            const range = document.createRange();
            range.selectNodeContents(one);
            return range;
        }));
        return labels.some((a, k) => [...labels.slice(k + 1), ...heads].some((b) => meet(a, b)));
    }).length;
})()"""


@needs_chromium
@pytest.mark.parametrize("wide", [1280, 700, 400])
def test_labels_of_axes_never_overlap(crossed: Result, browser: Browser, tmp_path: Path, wide: int) -> None:
    (tmp_path / "report.html").write_text(render_report(crossed), encoding="utf-8")
    page = browser.new_page(viewport={"width": wide, "height": 900})
    page.goto((tmp_path / "report.html").as_uri())
    assert page.evaluate(OVERLAPS) == 0
    shown = page.evaluate(
        """[...document.querySelectorAll('.lead .ticks text')]
            .filter((one) => one.getClientRects().length).length"""
    )
    assert shown >= 1
    page.close()
