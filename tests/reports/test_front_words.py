"""What the front page calls its figures: whose rows a column counts, and who loses, where that is known."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import fairweigh
import pandas as pd
from fairweigh.audit.result import AuditResult, Criterion
from fairweigh.reports.front.beside import beside_the_matrix
from fairweigh.reports.front.chart import chart
from fairweigh.reports.front.document import render_report
from fairweigh.reports.front.exchange import exchange
from fairweigh.reports.front.looked_up import Told
from fairweigh.reports.slices.gate_tables import gate_rows
from fairweigh.reports.words.spoken import plain
from fairweigh.result import Result
from pypdf import PdfReader

from ..pages import needs_chromium
from . import task_runs

if TYPE_CHECKING:
    from playwright.sync_api._generated import Browser


def told_of(result: AuditResult) -> Told:
    told = Told.of(result)
    assert told is not None
    return told


def counted(result: AuditResult, one: Criterion) -> str:
    told = told_of(result)
    front = told.front.model_copy(update={
        "cells": [told.front.cells[0].model_copy(update={"metric": one.metric, "view": one.view,
                                                         "differences": []})]
    })  # fmt: skip
    by = front.cells[0].by
    return plain(chart(Told(result, front, told.variant, None), one, [by], whole=True).rows)


def test_the_rows_of_a_class_are_those_with_or_without_its_label(multiclass_run: task_runs.Run) -> None:
    result = multiclass_run.result
    view = next(iter(result.variants[0].slices[0].views))
    assert (
        counted(result, Criterion(metric="true_positive_rate", view=view)) == f"n: rows with the label {view}"
    )
    assert counted(result, Criterion(metric="false_positive_rate", view=view)) == (
        f"n: rows without the label {view}"
    )


def test_a_figure_of_queries_counts_queries(ranking_run: task_runs.Run) -> None:
    assert counted(ranking_run.result, Criterion(metric="ndcg", view=None)) == "n: queries"


def test_nobody_loses_for_certain_only_where_that_was_tested(
    ranking_run: task_runs.Run, regression_run: task_runs.Run, multilabel_run: task_runs.Run
) -> None:
    for run in (ranking_run, regression_run, multilabel_run):
        found = exchange(told_of(run.result))
        heads = [plain(fact.head) for fact in found.facts] if found else []
        assert "Who loses" not in heads


def towns(folder: Path) -> Result:
    """Thirty towns, the last of which in the alphabet is the worst, and a later model that errs as often."""
    rows = pd.DataFrame(
        [
            {"town": f"town {k:02}", "y": j % 2, "p": int(j < 60 - k - 15 * (k == 29))}
            for k in range(30)
            for j in range(120)
        ]
    )
    return fairweigh.run(
        {
            "audit": "towns", "data": {"label": "y", "sensitive": ["town"]}, "model": {"decision": "p"},
            "variants": [{"name": "later", "decision": "q"}],
            "gates": [
                {"metric": "accuracy", "by": "town", "limit": ">= 0.2"},
                {"metric": "accuracy", "compare": "change", "limit": ">= -0.5", "on": "later"},
            ],
        },
        folder / "run", data=rows.assign(q=rows.p, id=range(len(rows))),
    )  # fmt: skip


def test_the_worst_of_many_come_first(tmp_path: Path) -> None:
    result = towns(tmp_path)
    told = told_of(result)
    drawn = chart(told, Criterion(metric="selection_rate", view=None), [["town"]], whole=True)
    lines = [line for line in drawn.groups[0].lines if not line.reference]
    assert lines[0].key == "town=town 29"
    assert [line.key for line in lines] != sorted(line.key for line in lines)


def test_a_gate_beside_the_matrix_says_of_whom_and_that_a_change_is_one(tmp_path: Path) -> None:
    result = towns(tmp_path)
    later = next(variant for variant in result.variants if variant.name == "later")
    told = Told(result, told_of(result).front, later, None)
    rows = gate_rows(list(result.gates), result)
    (change, *_) = [one for one in beside_the_matrix(told, rows, None) if "by" not in plain(one.title)]
    assert plain((*change.title, " ", *change.measured)) == "Accuracy change 0.0\u00a0points"
    (first, *_) = beside_the_matrix(told_of(result), rows, None)
    decided = next(gate for gate in result.gates if gate.by)
    assert plain(first.title) == f"Accuracy by town, {decided.slice['town']}"


@needs_chromium
def test_the_matrix_is_printed_with_its_key(tmp_path: Path, browser: Browser) -> None:
    (tmp_path / "report.html").write_text(render_report(towns(tmp_path)), encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    page.focus(".cell a")
    first = PdfReader(io.BytesIO(page.pdf(format="A4"))).pages[0].extract_text()
    page.close()
    assert "A dot is a slice" in " ".join(first.split())


def test_slices_are_followed_by_their_names_single_features_first(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        [{"sex": s, "race": r, "y": j % 2, "p": int(j < 40 + 20 * (s == "F") + 9 * (r == "A"))}
         for s in "MF" for r in "BA" for j in range(100)]
    )  # fmt: skip
    result = fairweigh.run(
        {
            "audit": "named", "data": {"label": "y", "sensitive": ["sex", "race"], "positive_is": "burden"},
            "slices": {"intersections": 2}, "model": {"decision": "p"},
            "report": {"labels": {"sex=F": "women", "sex=M": "men"}, "unit": "applicants"},
        },
        tmp_path / "run", data=rows,
    )  # fmt: skip
    page = render_report(result)
    options = re.findall(r'<option value="([^"]*)">([^<]*)</option>', page.partition("</select>")[0])
    assert sorted(options[1:3]) == [("sex=F", "women"), ("sex=M", "men")]
    assert [" × " in key or "&amp;" in key for key, _ in options[1:]] == [False] * 4 + [True] * 4
    assert ("sex=F &amp; race=A", "women &amp; race=A") in options
    text = " ".join(re.sub(r"<[^>]+>", "", page).split())
    assert "falls more often on women &amp; race" not in text
    assert re.search(r"falls more often on women( of race=A)?\.", text)
    # With no gate nothing decides: the crossing that is shown is the surest one.
    assert "the surest of 3 crossings" in text
