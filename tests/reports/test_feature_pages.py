"""Pages of features: base rates, and what is shown of a table with more slices than anybody reads."""

from __future__ import annotations

import re
import types
from pathlib import Path
from typing import Any

import fairweigh
import pandas as pd
import pytest
from fairweigh.api import load_result
from fairweigh.reports.front.chart import MOST_ON_PAGE, WORST, named
from fairweigh.reports.front.document import render_report
from fairweigh.reports.front.feature import Page, feature_pages
from fairweigh.reports.front.looked_up import Told, key_of
from fairweigh.reports.words.spoken import plain
from fairweigh.result import Result

from ..pages import needs_chromium
from .test_size import benchmark as benchmark

ROWS = pd.DataFrame(
    {
        "sex": ["F"] * 300 + ["M"] * 40,
        "late": [k % 4 == 0 for k in range(300)] + [k % 5 == 0 for k in range(40)],
        "yes": [k % 3 == 0 for k in range(340)],
        "heavy": [1 + k % 2 for k in range(340)],
    }
)


def audited(folder: Path, **more: Any) -> Result:
    data = {"sensitive": ["sex"], "label": "late", **more.pop("data", {})}
    config = {"audit": "rates", "data": data, "model": {"decision": "yes"}, **more}
    return fairweigh.run(config, folder / "run", data=ROWS, overwrite=True)


def pages_of(result: Result) -> list[Page]:
    told = Told.of(result)
    assert told is not None
    return feature_pages(told, {})


def test_base_rates_stand_beside_the_slices_as_counts_where_they_are_few(tmp_path: Path) -> None:
    (page,) = pages_of(audited(tmp_path))
    # 75 of 300 are a quarter; of 40 every fifth is 8.
    assert plain(page.base_rates) == "With the positive label: F: 25.0\u00a0% of 300; M: 8 of 40."
    (weighted,) = pages_of(audited(tmp_path, data={"weight": "heavy"}))
    assert "of 40" not in plain(weighted.base_rates).replace("% of 40", ""), "a weighted share is no count"
    no_label = audited(tmp_path, data={"label": None})
    assert [page.base_rates for page in pages_of(no_label)] == [()]


def test_base_rates_that_are_the_chart_itself_are_not_told_twice(tmp_path: Path) -> None:
    result = audited(tmp_path, model=None)
    (page,) = pages_of(result)
    assert page.base_rates == ()
    assert page.chart is not None
    assert [line.level for group in page.chart.groups for line in group.lines] == [
        "25.0\u00a0%",
        "8 of 40",
    ]
    assert "tables below" not in render_report(result)


@pytest.fixture(scope="module")
def messy(benchmark: types.ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(benchmark.messy(tmp_path_factory.mktemp("messy")))


def test_of_many_slices_the_telling_ones_are_shown_and_the_rest_is_counted(messy: Path) -> None:
    result = load_result(messy)
    told = Told.of(result)
    assert told is not None
    for page, coverage in zip(pages_of(result), told.features, strict=True):
        if len(coverage.by) == 1:
            continue
        differences = {plain(named(told, c)): told.differences(coverage.by, c) for c in told.front.criteria}
        if page.chart is None:
            assert not any(d.status == "ok" for found in differences.values() for d in found)
            numbers = {f"{len(found)} more slices stand in the annex." for found in differences.values()}
            assert plain(page.more) in numbers
            continue
        found = differences[plain(page.chart.title).partition(":")[0]]
        judged = [key_of(d.slice or {}) for d in found if d.status == "ok"]
        lines = [line for group in page.chart.groups for line in group.lines]
        shown = [line.key for line in lines if not line.reference]
        assert set(shown) <= set(judged), "a handful of rows is no worst crossing"
        assert len(shown) == min(WORST, len(judged)) <= MOST_ON_PAGE
        assert plain(page.more).startswith(f"{len(found) - len(shown)} more slices stand in the annex.")
        worst = max((abs(d.value or 0) for d in found if d.status == "ok"), default=None)
        drawn = [abs(d.value or 0) for d in found if key_of(d.slice or {}) in shown]
        assert worst is None or max(drawn) == worst
    by_age = next(page for page in pages_of(result) if plain(page.name) == "age")
    assert by_age.chart is not None
    assert len(by_age.chart.groups[0].lines) == WORST + 1, "the ten worst ages, and the reference"
    text = re.sub(r"<[^>]+>", "", render_report(result))
    assert "10 of 73 slices, the " in text


@needs_chromium
def test_a_messy_table_is_read_on_few_pages(benchmark: types.ModuleType, messy: Path, tmp_path: Path) -> None:
    path = tmp_path / "messy.html"
    path.write_text(render_report(load_result(messy)), encoding="utf-8")
    found = benchmark.lengths(path)
    assert found["pages"] < 10
    assert found["words"] <= 2_500
