"""The front page and the pages behind it: what they hold is the result's, and how they are seen and printed.

Outside answers: scipy's binomial test, axe-core, the Nu HTML checker, Chromium and pypdf.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pandas as pd
import pytest
from fairweigh.audit.result import AuditResult
from fairweigh.audit.verdict.front import finished
from fairweigh.reports.front.axes import around_zero
from fairweigh.reports.front.document import render_report
from fairweigh.result import Result
from pypdf import PdfReader
from scipy.stats import binomtest

from ..pages import html_errors, needs_axe, needs_checker, needs_chromium, violations
from . import task_runs

if TYPE_CHECKING:
    from playwright.sync_api._generated import Browser

GATES = [
    {"metric": "selection_rate", "by": "sex", "compare": "difference", "limit": "<= 0.15", "id": "chosen"},
    {"metric": "true_positive_rate", "by": "sex", "compare": "ratio", "limit": ">= 0.8", "id": "kept"},
    {"metric": "accuracy", "limit": ">= 0.5", "id": "right"},
]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    r = np.random.default_rng(11)
    n = 3_000
    frame = pd.DataFrame(
        {"id": range(n), "sex": r.choice(["F", "M"], n), "age": r.choice(["young", "old", "oldest"], n)}
    )
    frame["y"] = r.random(n) < np.where(frame.sex == "M", 0.5, 0.3)
    frame["p"] = (r.random(n) < np.where(frame.y, 0.8, 0.1)) & ~((frame.sex == "F") & (r.random(n) < 0.25))
    # The later model takes from the young alone, and gives to nobody.
    frame["q"] = frame.p & ~((frame.age == "young") & (r.random(n) < 0.3))
    return frame.assign(y=frame.y.astype(int), p=frame.p.astype(int), q=frame.q.astype(int))


@pytest.fixture(scope="module")
def run(rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Result:
    configuration = {
        "audit": "front",
        "data": {"label": "y", "id": "id", "sensitive": ["sex", "age"], "positive_is": "benefit"},
        "slices": {"intersections": 2},
        "model": {"decision": "p"}, "gates": GATES,
        "variants": [{"name": "later_model", "decision": "q"}],
        "report": {"labels": {"sex=F": "women", "sex=M": "men"}, "unit": "applicants"},
    }  # fmt: skip
    return fairweigh.run(configuration, tmp_path_factory.mktemp("front") / "run", data=rows)


def front(result: AuditResult) -> Any:
    assert result.front is not None
    return result.front


def test_a_cell_is_a_difference_of_the_result_with_its_gate_and_limit(run: Result) -> None:
    found = front(run)
    assert [(c.metric, c.view) for c in found.criteria][:2] == [
        ("selection_rate", None),
        ("true_positive_rate", None),
    ]
    assert {tuple(cell.by) for cell in found.cells} == {("sex",), ("age",), ("sex", "age")}
    variant = next(v for v in run.variants if v.name == found.verdict_of)
    for cell in found.cells:
        same = [
            d
            for d in variant.disparities
            if (d.metric, d.by, d.slice, d.reference, d.value)
            == (cell.metric, cell.by, cell.slice, cell.reference, cell.value)
        ]
        assert same, cell
    chosen = next(cell for cell in found.cells if cell.gate == "chosen")
    assert (chosen.by, chosen.verdict, chosen.operator, chosen.limit) == (["sex"], "fail", "<=", 0.15)
    kept = next(cell for cell in found.cells if cell.gate == "kept")
    assert (kept.metric, kept.compare, kept.operator, kept.limit) == (
        "true_positive_rate",
        "ratio",
        ">=",
        0.8,
    )
    assert found.leading == "chosen"


@pytest.mark.parametrize(
    ("gate", "positive_is"),
    [
        ({"compare": "difference", "reference": "highest", "limit": "<= 0.1"}, None),
        ({"compare": "difference", "reference": {"g": "top"}, "limit": "<= 0.1"}, None),
        ({"compare": "ratio", "limit": ">= 0.8"}, "benefit"),
        ({"compare": "ratio", "limit": ">= 0.8"}, "burden"),
    ],
)  # fmt: skip
def test_a_cell_compares_with_the_reference_of_its_gate(
    gate: dict[str, Any], positive_is: str | None, tmp_path: Path
) -> None:
    """The largest slice is neither the highest nor the lowest, nor the one that is named."""
    sizes = {"big": (5_000, 2_500), "top": (3_000, 1_740), "mid": (3_000, 900)}
    frame = pd.DataFrame(
        [{"g": g, "p": int(k < taken), "y": k % 2} for g, (n, taken) in sizes.items() for k in range(n)]
    ).assign(id=range(11_000))
    asked = {"positive_is": positive_is} if positive_is else {}
    result = fairweigh.run(
        {
            "audit": "cells", "data": {"label": "y", "id": "id", "sensitive": ["g"], **asked},
            "model": {"decision": "p"}, "gates": [{"metric": "selection_rate", "by": "g", **gate}],
        },
        tmp_path / "run", data=frame,
    )  # fmt: skip
    (decided,), cell = result.gates, next(c for c in front(result).cells if c.gate)
    assert (cell.slice, cell.reference) == (decided.slice, decided.reference)
    rates = {g: taken / n for g, (n, taken) in sizes.items()}
    here, there = rates[cell.slice["g"]], rates[cell.reference["g"]]
    assert cell.value == pytest.approx(here - there)
    assert decided.measured == pytest.approx(here / there if gate["compare"] == "ratio" else here - there)
    if cell.differences:
        assert {d.slice["g"]: round(d.value, 9) for d in cell.differences} == {
            g: round(rate - there, 9) for g, rate in rates.items() if g != cell.reference["g"]
        }
    text = re.sub(r"<[^>]+>", "", render_report(result))
    assert f"Against {cell.reference['g']}:" in text


def test_who_loses_is_told_by_an_exact_sign_test(run: Result, rows: pd.DataFrame) -> None:
    worst = front(run).losses[0]
    young = rows[rows.age == "young"]
    lost = int((young.p > young.q).sum())
    assert (worst.slice, worst.n, worst.lost, worst.gained) == ({"age": "young"}, len(young), lost, 0)
    assert worst.p == pytest.approx(binomtest(lost, lost, 0.5, alternative="greater").pvalue)
    assert front(run).levels_down
    # Nobody lost where nothing said that a yes is good.
    silent = run.model_copy(update={"data": run.data.model_copy(update={"positive_is": None})})
    assert front(finished(silent)).losses == []


def test_a_tally_counts_every_gate_of_a_variant(run: Result) -> None:
    for tally in front(run).tallies:
        mine = [gate.verdict for gate in run.gates if gate.variant == tally.variant]
        assert (tally.passed, tally.failed, tally.open, tally.error) == tuple(
            mine.count(verdict) for verdict in ("pass", "fail", "inconclusive", "error")
        )


def test_the_report_is_in_the_users_words_and_says_of_whom_the_verdict_is(run: Result) -> None:
    text = re.sub(r"<[^>]+>", "", render_report(run))
    assert "original does not pass" in text
    assert re.search(r"Of 100 women the original selects \d+; of 100 men, \d+\.", text)
    assert "sex=F" not in re.sub(r"sex=F: women|&#34;sex=F&#34;", "", text)
    assert "later_model" in text


def test_axes_hold_what_is_drawn_and_have_round_ticks() -> None:
    axis = around_zero([0.031, -0.168])
    assert axis.low == -axis.high
    assert axis.holds(-0.168)
    assert [round(tick, 2) for tick in axis.ticks()] == [-0.15, -0.1, -0.05, 0, 0.05, 0.1, 0.15] or all(
        abs(tick * 200 - round(tick * 200)) < 1e-9 for tick in axis.ticks()
    )
    assert axis(0.0) == 50


@pytest.fixture(scope="module")
def pages(
    run: Result, multiclass_run: task_runs.Run, regression_run: task_runs.Run, ranking_run: task_runs.Run,
    multilabel_run: task_runs.Run, ner_run: task_runs.Run, tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:  # fmt: skip
    folder = tmp_path_factory.mktemp("fronts")
    results: dict[str, AuditResult] = {
        "binary": run, "multiclass": multiclass_run.result, "regression": regression_run.result,
        "ranking": ranking_run.result, "multilabel": multilabel_run.result,
        "ner": ner_run.result,
    }  # fmt: skip
    made = {}
    for name, result in results.items():
        for language in ("en", "zh"):
            made[f"{name}-{language}"] = folder / f"{name}-{language}.html"
            made[f"{name}-{language}"].write_text(render_report(result, language=language), encoding="utf-8")
    return made


NAMES = [f"{task}-{language}"
         for task in ("binary", "multiclass", "regression", "ranking", "multilabel", "ner")
         for language in ("en", "zh")]  # fmt: skip


@needs_checker
def test_html_is_valid(pages: dict[str, Path]) -> None:
    assert html_errors(pages.values()) == set()


@needs_chromium
@needs_axe
@pytest.mark.parametrize("name", NAMES)
def test_a_front_page_is_accessible_and_fits(pages: dict[str, Path], browser: Browser, name: str) -> None:
    """English in the light at a desk, Chinese in the dark on a telephone."""
    dark = name.endswith("zh")
    context = browser.new_context(
        color_scheme="dark" if dark else "light", viewport={"width": 400 if dark else 1280, "height": 900}
    )
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(pages[name].as_uri())
    assert asked == [pages[name].as_uri()]
    assert violations(page) == []
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= seen
    context.close()


@needs_chromium
def test_the_front_page_is_one_screen_and_the_report_few_printed_pages(
    pages: dict[str, Path], browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(pages["binary-en"].as_uri())
    assert page.evaluate("document.querySelector('#front').getBoundingClientRect().bottom") <= 900
    printed = PdfReader(io.BytesIO(page.pdf(format="A4")))
    assert len(printed.pages) <= 8
    page.close()


@needs_chromium
def test_a_cell_that_is_pointed_at_tells_its_slices_and_a_slice_is_followed(
    pages: dict[str, Path], browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(pages["binary-en"].as_uri())
    hint = page.inner_text("#readout")
    page.focus(".cell a")
    told = page.inner_text("#readout")
    assert told != hint
    assert "women" in told
    page.select_option("#pick", "sex=F")
    assert page.evaluate("document.querySelectorAll('tr.hit').length") > 2
    assert "marked in" in page.inner_text("#said")
    page.close()


SEEN = "(() => { const tip = document.querySelector('#tip'); return tip.hidden ? '' : tip.textContent; })()"


@needs_chromium
def test_a_slice_that_is_pointed_at_tells_its_values_until_escape(
    pages: dict[str, Path], browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(pages["binary-en"].as_uri())
    row = page.locator(".lead tr[data-slice='sex=F']")
    row.hover()
    assert re.fullmatch(
        r"women: [\d.]+\s%, −[\d.]+ from men \(−[\d.]+ to −[\d.]+\), n = [\d,]+",
        page.evaluate(SEEN),
    )
    # It can be pointed at itself (WCAG 1.4.13), leaves with the pointer, and by Escape before that.
    page.hover("#tip")
    page.wait_for_timeout(400)
    assert page.evaluate(SEEN)
    page.mouse.move(2, 2)
    page.wait_for_function("document.querySelector('#tip').hidden")
    row.hover()
    page.keyboard.press("Escape")
    assert page.evaluate(SEEN) == ""
    box = page.locator(".cell g[data-slice='sex=F']").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2 + 5, box["y"] - 3)
    assert page.evaluate(SEEN).startswith("women: ")
    page.close()


@needs_chromium
def test_a_chart_is_one_stop_of_the_keyboard_and_arrows_lead_through_it(
    pages: dict[str, Path], browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(pages["binary-en"].as_uri())
    charts, stops = page.evaluate(
        """[document.querySelectorAll('table.chart, table.multiples').length,
            document.querySelectorAll('[data-says][tabindex="0"]').length]"""
    )
    assert charts == stops > 2
    page.focus(".lead [data-says][tabindex='0']")
    first = page.evaluate(SEEN)
    page.keyboard.press("ArrowDown")
    second = page.evaluate(SEEN)
    assert "" != first != second != ""
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "tip"
    page.keyboard.press("Escape")
    assert page.evaluate(SEEN) == ""
    page.keyboard.press("ArrowUp")
    assert page.evaluate(SEEN) == first
    page.focus(".cell a")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(SEEN) in (first, second)
    page.focus(".multiples td[data-says][tabindex='0']")
    beside = page.evaluate(SEEN)
    page.keyboard.press("ArrowDown")
    # The same figure of the next slice.
    assert page.evaluate(SEEN).partition(",")[0] == beside.partition(",")[0]
    assert violations(page) == []
    page.close()


@needs_chromium
def test_without_script_a_slice_has_its_values_in_titles(pages: dict[str, Path], browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(pages["binary-en"].as_uri())
    assert "women" in (page.get_attribute(".lead tr[data-slice='sex=F']", "title") or "")
    assert page.locator(".cell g > title").count() > 2
    assert page.locator(".multiples td[title]").count() > 2
    context.close()
