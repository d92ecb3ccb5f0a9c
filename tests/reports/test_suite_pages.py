"""The pages of suites and entities: a map of slices by variant, templates that carry a change, fitting words.

The answers are drawn here; what a template carries of a change is computed apart.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pytest
from fairweigh.api import load_result
from fairweigh.audit.result import AuditResult
from fairweigh.reports.blocks import Grid, Note
from fairweigh.reports.front.document import render_report
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.variants.slice_map import slice_maps
from fairweigh.reports.words.language import writing
from fairweigh.reports.words.spoken import plain

from ..pages import html_errors, needs_axe, needs_checker, needs_chromium, violations

if TYPE_CHECKING:
    from playwright.sync_api._generated import Browser

    from . import task_runs

TEMPLATES, QUESTIONS = 8, 6
LEAN = {"Age": (0.55, 0.8), "Faith": (0.4, 0.42), "Rank": (0.5, 0.2)}
"""Chances of the stereotype's answer in an ambiguous context, before and after."""
LETTERS = {"target": "ans0", "non-target": "ans1", "unknown": "ans2"}


def questions() -> list[dict[str, Any]]:
    """Questions of three categories in the layout of BBQ, with the answers of two models."""
    draw = np.random.default_rng(7)
    rows: list[dict[str, Any]] = []
    for category, lean in LEAN.items():
        for template in range(1, TEMPLATES + 1):
            pull = draw.normal(0, 0.1)
            for number in range(QUESTIONS):
                open_, negative = number % 3 != 0, number % 2 == 0
                row: dict[str, Any] = {
                    "example_id": len(rows), "question_index": str(template), "category": category,
                    "question_polarity": "neg" if negative else "nonneg",
                    "context_condition": "ambig" if open_ else "disambig",
                    "answer_info": {"ans0": ["a", "old"], "ans1": ["b", "nonOld"], "ans2": ["?", "unknown"]},
                    "additional_metadata": {"subcategory": "None", "stereotyped_groups": ["old"]},
                    "context": "Two met.", "question": "Who forgot?", "label": 2 if open_ else 0,
                    "ans0": "The first", "ans1": "The second", "ans2": "Not known",
                }  # fmt: skip
                for name, chance in zip(("before", "after"), lean, strict=True):
                    said = draw.random() < chance + pull
                    biased = "target" if negative else "non-target"
                    other = "unknown" if draw.random() < 0.7 else "non-target" if negative else "target"
                    role = "target" if not open_ else biased if said else other
                    row[name] = row[LETTERS[role]]
                rows.append(row)
    return rows


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    folder = tmp_path_factory.mktemp("suite")
    lines = "".join(f"{json.dumps(row)}\n" for row in questions())
    (folder / "q.jsonl").write_text(lines, encoding="utf-8")
    config = {
        "audit": "suite", "suite": "bbq", "slices": {"intersections": 1, "min_size": 10},
        "data": {"path": str(folder / "q.jsonl"), "sensitive": ["category", "polarity"]},
        "model": {"kind": "predictions", "answer": "before"},
        "variants": [{"name": "int4", "answer": "after"}],
        "gates": [
            {"metric": "bias_ambiguous", "by": "category", "limit": "<= 0.3"},
            {"metric": "bias_ambiguous", "compare": "change", "on": "int4", "limit": "<= 0.1"},
        ],
    }  # fmt: skip
    fairweigh.run(config, folder / "run")
    return load_result(folder / "run")


def signs(name: str, category: str | None = None) -> tuple[np.ndarray, list[str], list[int]]:
    """1, -1 or 0 for each ambiguous question, with its template and id; all answers are parsed."""
    out, templates, ids = [], [], []
    for row in questions():
        if row["context_condition"] != "ambig" or category not in (None, row["category"]):
            continue
        biased = "The first" if row["question_polarity"] == "neg" else "The second"
        out.append(0 if row[name] == "Not known" else 1 if row[name] == biased else -1)
        templates.append(f"{row['category']} {row['question_index']}")
        ids.append(row["example_id"])
    return np.array(out), templates, ids


def words(page: str) -> str:
    """The text of a page, without what its script and style say."""
    text = re.sub(r"<(script|style)>.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(text).split())


def maps(result: AuditResult) -> list[Any]:
    with writing("en"):
        return slice_maps(result, result.variants)


def test_a_map_holds_figures_signs_and_changes(suite: AuditResult) -> None:
    grid = next(block for block in maps(suite) if isinstance(block, Grid))
    assert plain(grid.caption).startswith("Bias in ambiguous contexts by category, variants across.")
    found = {plain(name): cells for name, cells in grid.rows}
    assert list(found) == ["all rows", *LEAN]
    for category in LEAN:
        before, after = (signs(name, category)[0].mean() for name in ("before", "after"))
        one, other = found[category]
        for cell, value in ((one, before), (other, after)):
            figure = f"{100 * abs(value):.1f}\u00a0%"
            assert cell.text == ("+" if value > 0 else "\u2212" if value < 0 else "") + figure
            assert cell.side == ("above" if value > 0 else "below" if value < 0 else "at")
            assert cell.shade.startswith({"above": "up", "below": "down", "at": ""}[cell.side])
            # Eight templates are few, in every category and in all rows.
            assert cell.note == "†"
        assert one.under == ""
        assert other.under.startswith(f"{100 * (after - before):+.1f}".replace("-", "\u2212"))
    shown: Any = [cell for cells in found.values() for cell in cells]
    darkest = max(shown, key=lambda cell: abs(cell.text.value))
    assert darkest.shade.endswith("3")


def test_a_map_tells_what_is_undefined_and_what_rests_on_few_rows(suite: AuditResult) -> None:
    changed = suite.model_copy(deep=True)
    variant = changed.variants[1]
    age, faith = (next(s for s in variant.slices if s.slice == {"category": c}) for c in ("Age", "Faith"))
    figure = age.metrics["bias_ambiguous"]
    age.metrics["bias_ambiguous"] = figure.model_copy(update={"value": None, "status": "undefined"})
    faith.metrics["bias_ambiguous"] = figure.model_copy(update={"status": "small"})
    blocks = maps(changed)
    grid = next(block for block in blocks if isinstance(block, Grid))
    cells = {plain(name): row[1] for name, row in grid.rows}
    assert (cells["Age"].text, cells["Age"].under, cells["Age"].shade) == ("—", "undefined", "")
    assert (cells["Faith"].note, cells["Faith"].shade) == ("‡", "")
    key = plain(next(block for block in blocks if isinstance(block, Note)).text)
    assert "† few templates" in key
    assert "‡ few rows" in key


def test_one_variant_alone_has_no_map(suite: AuditResult) -> None:
    with writing("en"):
        assert slice_maps(suite, suite.variants[:1]) == []


def test_templates_are_ranked_by_what_they_carry_of_the_change(suite: AuditResult) -> None:
    (before, templates, _), (after, _, _) = signs("before"), signs("after")
    of = np.array(templates)
    carried = {name: (after - before)[of == name].sum() / len(before) for name in dict.fromkeys(templates)}
    units = suite.comparisons[0].units
    assert [u.name for u in units][:1] == [max(carried, key=lambda name: abs(carried[name]))]
    for unit in units:
        assert unit.carried == pytest.approx(carried[unit.name])
        here = of == unit.name
        assert unit.into == int(((before < 1) & (after == 1) & here).sum())
        assert unit.out_of == int(((before == 1) & (after < 1) & here).sum())
        assert unit.n == QUESTIONS
    sizes = [abs(u.carried or 0) for u in units]
    assert sizes == sorted(sizes, reverse=True)
    page = words(render_report(suite, charts=False))
    assert "The templates that carry most of the change of bias in ambiguous contexts" in page


def test_few_clusters_are_judged_and_told(suite: AuditResult) -> None:
    """They count: a slice of few templates that fails is drawn as one that does, not as too small."""
    page = render_report(suite, charts=True)
    of_bias = page[page.index('id="feature-1"') : page.index("By the other criteria")]
    assert "few templates" in of_bias
    assert of_bias.count('class="vd"') == len(LEAN) + 1
    assert "too small" not in of_bias
    assert 'class="mark small"' not in of_bias


@pytest.mark.parametrize("render", [render_report, render_annex])
def test_answers_are_no_decisions(suite: AuditResult, render: Any) -> None:
    told = words(render(suite, charts=False))
    assert "Answers changed" in told
    for other in ("Decisions changed", "decisions change", "decided otherwise", "selected"):
        assert other not in told


def test_entities_have_a_page_of_types_and_words_of_their_own(ner_run: task_runs.Run) -> None:
    told = words(render_report(ner_run.result, charts=False))
    assert "Rows marked otherwise" in told
    assert "other entities are marked" in told
    assert "Decisions changed" not in told
    assert "Each type, as" in told
    blocks = maps(ner_run.result)
    assert any(isinstance(block, Grid) for block in blocks)


@needs_chromium
@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_a_suite_fits_and_is_accessible(
    browser: Browser, suite: AuditResult, tmp_path: Path, scheme: Any
) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_report(suite), encoding="utf-8")
    for width in (400, 1280):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if width == 1280:
            assert violations(page) == []
            # Charts are drawn in the colours of the page.
            fills = page.evaluate(
                "[...document.querySelectorAll('.items svg text')].map(t => getComputedStyle(t).fill)"
            )
            assert ("rgb(29, 35, 39)" in fills) is False
        page.close()


@needs_checker
def test_the_page_of_a_suite_is_valid(suite: AuditResult, tmp_path: Path) -> None:
    pages = {"report.html": render_report(suite), "annex.html": render_annex(suite)}
    for name, page in pages.items():
        (tmp_path / name).write_text(page, encoding="utf-8")
    assert html_errors(tmp_path / name for name in pages) == set()
