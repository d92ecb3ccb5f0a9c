"""What an explorer meets: empty slices, weights of 0, thresholds at the ends, ties, names, many of all.

Outside answers: ``audit.json`` of the same run, or of an audit at the threshold that was moved to.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pyarrow as pa
import pytest
from fairweigh.audit.again.finished import checked
from fairweigh.explore.page import MOST_BYTES
from fairweigh.explore.page import page as explorer

from ..pages import needs_axe, needs_chromium, violations
from .conftest import people, settings
from .looking import JUDGED, rested, result, same_figures, same_gates, show

if TYPE_CHECKING:
    from playwright.sync_api._generated import Browser, Page

    from .conftest import Made

pytestmark = needs_chromium
Written = Callable[..., Path]


def audited(folder: Path, table: pa.Table, **asked: Any) -> Path:
    fairweigh.run(settings(**asked), folder, data=table)
    return folder


def replaced(name: str, values: Any) -> pa.Table:
    table = people()
    return table.set_column(table.schema.get_field_index(name), name, pa.array(values))


def explored(page: Page, written: Written, run: Path, **how: Any) -> None:
    """Open it; figures and gates at the audited threshold are those of the audit, and no script fails."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    show(page, written(run))
    same_figures(page, run, **how)
    assert page.evaluate("explorer.check.wrong") == 0
    for key in ("Home", "End"):
        page.locator("#slider").press(key)
        rested(page)
    page.locator("#features input").last.check()
    rested(page)
    assert problems == []
    text = page.locator("main").inner_text()
    assert not any(word in text for word in ("NaN", "undefined", "null", "Infinity"))


def test_slices_with_nothing_to_count(tmp_path: Path, written: Written, page: Page) -> None:
    """One without positives, one without negatives, one of a single row, and a feature with one value."""
    table = people()
    sex, race = np.array(table["sex"], object), np.array(table["race"], object)
    label = table["y"].to_numpy().copy()
    race[:40], label[:40] = "no positives", 0
    race[40:80], label[40:80] = "no negatives", 1
    race[80] = "alone"
    sex[:] = "one"
    for name, values in (("sex", sex), ("race", race), ("y", label)):
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(values))
    gates = [
        {"metric": "true_positive_rate", "by": "race", "compare": "difference", "limit": "<= 0.5"},
        {"metric": "false_positive_rate", "by": "race", "limit": "<= 0.9", "include_small": True},
        {"metric": "selection_rate", "by": "sex", "compare": "difference", "limit": "<= 0.1"},
    ]
    run = audited(tmp_path / "run", table, gates=gates)
    explored(page, written, run)
    assert [gate["verdict"] for gate in result(run)["gates"]][:2] == ["error", "error"]


def test_rows_that_weigh_nothing(tmp_path: Path, written: Written, page: Page) -> None:
    weight = people()["w"].to_numpy().copy()
    weight[::3] = 0
    table = replaced("w", weight)
    base = audited(tmp_path / "base", table, data={"weight": "w"})
    explored(page, written, base, weighted=True)
    moved = audited(tmp_path / "moved", table, data={"weight": "w"}, threshold=0.6)
    found = page.evaluate(JUDGED, {"name": "original", "threshold": 0.6})
    assert len(same_gates(found, result(moved)["gates"])) > 8


def test_a_slice_that_weighs_nothing(tmp_path: Path, written: Written, page: Page) -> None:
    table = people()
    weight = table["w"].to_numpy().copy()
    weight[np.array(table["race"], object) == "c"] = 0
    run = audited(tmp_path / "run", replaced("w", weight), data={"weight": "w"})
    explored(page, written, run, weighted=True)


@pytest.mark.parametrize("threshold", [0.0, 1.0, 1.5, -0.5])
def test_thresholds_at_the_ends_of_the_scores(
    tmp_path: Path, written: Written, page: Page, threshold: float
) -> None:
    """All rows are selected, those that score 1 alone, or none."""
    score = people()["score"].to_numpy().copy()
    score[:30], score[30:60] = 0, 1
    table = replaced("score", score)
    run = audited(tmp_path / "run", table, threshold=threshold)
    explored(page, written, run)
    if page.locator("#back").is_enabled():
        page.locator("#back").click()
    assert page.locator("#at").inner_text() == f"{threshold:g}".replace("-", "\u2212")
    if threshold not in (0.0, 1.0):
        return
    # The ends of a slider whose audit was elsewhere.
    show(page, written(audited(tmp_path / "half", table)))
    found = page.evaluate(JUDGED, {"name": "original", "threshold": threshold})
    same_gates(found, result(run)["gates"])


def test_rows_on_the_threshold_are_selected(tmp_path: Path, written: Written, page: Page) -> None:
    """Scores of ten values: at each the rows that have it are selected, as in an audit."""
    score = np.round(people()["score"].to_numpy(), 1)
    table = replaced("score", score)
    show(page, written(audited(tmp_path / "run", table)))
    for threshold in (0.3, 0.4, 0.6, 0.7):
        moved = audited(tmp_path / str(threshold), table, threshold=threshold)
        found = page.evaluate(JUDGED, {"name": "original", "threshold": threshold})
        assert len(same_gates(found, result(moved)["gates"])) > 8
        share = page.evaluate(
            """threshold => {
              const { data, counts } = explorer, one = data.variants[0].held[0];
              const metric = data.views[0].metrics.find(m => m.name === "selection_rate");
              const cut = data.scales[0].indexOf(threshold);
              return counts.figure(metric, one, counts.partition([]), cut, false).value[0];
            }""",
            threshold,
        )
        assert share == np.mean(score >= threshold)


NAMES = [
    "女性",
    "\"quoted\" & 'single'",
    "<img src=x onerror=alert(1)>",
    "</script><b>x</b>",
    "= 1 + 1",
    "\u202eright",
    " ",
]


@needs_axe
def test_names_of_any_kind(tmp_path: Path, written: Written, page: Page) -> None:
    draw = np.random.default_rng(0)
    table = replaced("race", np.array(NAMES, object)[draw.integers(0, len(NAMES), 3000)])
    table = table.rename_columns(["id", '性别 <i>"x"&</i>', *table.column_names[2:]])
    feature = table.column_names[1]
    gates = [
        {"metric": "selection_rate", "by": [feature, "race"], "compare": "difference", "limit": "<= 0.9"},
        {"metric": "selection_rate", "slice": {"race": NAMES[2]}, "limit": "<= 0.9", "decide": "proven"},
    ]
    run = tmp_path / "run"
    asked = settings(gates=gates, report={"charts": False, "title": "</title><script>alert(1)</script>"})
    asked["data"]["sensitive"] = [feature, "race"]
    fairweigh.run(asked, run, data=table)
    said: list[str] = []
    page.on("dialog", lambda dialog: said.append(dialog.message))
    explored(page, written, run)
    assert said == []
    shown = page.locator("#rows th").all_inner_texts()
    assert len(shown) == 2 * len(NAMES)
    for name in NAMES[:5]:
        assert any(name in text for text in shown), name
    # What reorders text is made visible.
    assert any("\u27e8U+202E\u27e9right" in text for text in shown)
    assert page.locator("#rows img, #rows b:not(.num b), main script").count() == 0
    page.locator("#find").fill("<IMG")
    page.wait_for_function("document.querySelectorAll('#rows tr').length === 2")
    page.wait_for_function("location.hash.includes('find=%3CIMG')")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("#rows tr").count() == 2
    by = page.locator("#gate-yaml").inner_text().partition("by: ")[2].partition(", compare")[0]
    assert json.loads(by) == [feature, "race"]
    assert violations(page) == []


def test_three_features_crossed_are_counted_beyond_what_was_audited(
    tmp_path: Path, written: Written, page: Page
) -> None:
    table = people().append_column("age", pa.array(np.array(["young", "old"])[np.arange(3000) % 2]))
    asked = settings(slices={"intersections": 2, "min_size": 30})
    asked["data"]["sensitive"] = ["sex", "race", "age"]
    fairweigh.run(asked, tmp_path / "run", data=table)
    explored(page, written, tmp_path / "run")
    show(page, written(tmp_path / "run"), "#slices=sex&slices=race&slices=age&metric=selection_rate")
    found = {
        row["name"]: row["value"] for row in page.evaluate(
            """() => {
              const { data, counts, chosen } = explorer, part = counts.partition([0, 1, 2]);
              const held = chosen.a.held[0], f = counts.figure(chosen.metric, held, part, held.cut, false);
              return part.keys.map((_, i) => ({ name: counts.names(part, i).join("|"), value: f.value[i] }));
            }"""
        )
    }  # fmt: skip
    frame = table.to_pandas()
    frame["race"] = frame["race"].fillna("unknown")
    wanted = (frame["score"] >= 0.5).groupby([frame["sex"], frame["race"], frame["age"]]).mean()
    for (sex, race, age), value in wanted.items():
        if race != "unknown":
            assert found[f"{sex}|{race}|{age}"] == pytest.approx(value, rel=1e-12)
    # Figures of the scores are the audit's alone: these crossings have none.
    page.locator("#metric").select_option("auc")
    page.wait_for_function("document.getElementById('legend').textContent.includes('was not audited')")


def test_sixteen_variants(tmp_path: Path, written: Written, page: Page) -> None:
    table, variants = people(), []
    draw = np.random.default_rng(5)
    for k in range(15):
        score = np.clip(table["score"].to_numpy() + draw.normal(0, 0.02 * k, 3000), 0, 1)
        table = table.append_column(f"s{k}", pa.array(score))
        table = table.append_column(f"d{k}", pa.array((score >= 0.5).astype(int)))
        variants.append({"name": f"v{k}", "score": f"s{k}", "decision": f"d{k}"})
    gates = [
        {"metric": "true_positive_rate", "by": "race", "compare": "difference", "limit": "<= 0.2"},
        *({"metric": "accuracy", "compare": "change", "limit": ">= -0.02", "on": f"v{k}"} for k in range(15)),
    ]
    run = audited(tmp_path / "run", table, variants=variants, gates=gates)
    path = written(run)
    assert path.stat().st_size < MOST_BYTES / 2
    show(page, path, "#variant=v14&against=v3")
    assert page.evaluate("explorer.check") == {"n": 31, "all": 31, "wrong": 0}
    assert page.locator("#ladder tr").count() == 16


def test_gates_of_a_variant_that_was_not_made_stay_in_sight(
    tmp_path: Path, written: Written, page: Page
) -> None:
    run = audited(tmp_path / "run", people(), gates=[{"metric": "accuracy", "limit": ">= 0.5"}])
    told = checked(run)
    gone = {"id": "gate-2", "variant": "pruned", "verdict": "error", "measured": None}
    told = told.model_copy(update={"gates": [*told.gates, told.gates[0].model_copy(update=gone)]})
    path = tmp_path / "explorer.html"
    path.write_text(explorer(run, told, "en"), encoding="utf-8")
    show(page, path)
    assert page.evaluate("explorer.check") == {"n": 1, "all": 2, "wrong": 0}
    assert "! error as audited: its variant was not made" in page.locator("#gates").inner_text()


def test_counts_in_place_of_rows(tmp_path: Path, written: Written, page: Page) -> None:
    """A table of counts: cells of decisions before and after are matched as they stand."""
    frame = people().to_pandas().assign(d=lambda t: (t["score"] >= 0.5).astype(int))
    frame["after"] = (frame["score"] >= 0.55).astype(int)
    frame["race"] = frame["race"].fillna("d")
    cells = frame.groupby(["sex", "race", "y", "d", "after"]).size().rename("count").reset_index()
    gates = [
        {"metric": "true_positive_rate", "by": "race", "compare": "difference", "limit": "<= 0.2"},
        {"metric": "accuracy", "compare": "change", "limit": ">= -0.02", "on": "after"},
    ]
    run = tmp_path / "run"
    asked = settings(gates=gates, model={"decision": "d"}, variants=[{"name": "after", "decision": "after"}])
    asked["data"] = {"path": "cells", "label": "y", "sensitive": ["sex", "race"], "count": "count"}
    fairweigh.run(asked, run, data=pa.Table.from_pandas(cells, preserve_index=False))
    show(page, written(run))
    assert same_figures(page, run) > 50
    assert page.evaluate("explorer.check") == {"n": 3, "all": 3, "wrong": 0}


@needs_axe
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_of_change_gates_and_notes_is_accessible(
    made: Made, written: Written, browser: Browser, language: str
) -> None:
    from .test_change import CHANGES, TABLES, VARIANTS

    run = made(TABLES[0.5], data={}, variants=VARIANTS, gates=CHANGES)
    context = browser.new_context(
        bypass_csp=True, viewport={"width": 400, "height": 900}, color_scheme="dark"
    )
    page = context.new_page()
    show(page, written(run, language), "#variant=lighter&threshold=0.7&nonsense=1")
    page.locator("#link").click()
    rested(page)
    assert "nonsense=1" in page.locator("#ignored").inner_text()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    context.close()
