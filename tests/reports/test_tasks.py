"""Pages of classes, labels, rankings and predicted numbers: their own words, figures as the rows have them.

Outside answers: scikit-learn and numpy on the same rows.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fairweigh.audit.result import AuditResult
from fairweigh.reports.page.findings import findings
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.plain.figures_csv import render_csv
from fairweigh.reports.plain.frames import frame
from fairweigh.reports.plain.junit import render_junit
from fairweigh.reports.plain.markdown import render_markdown
from fairweigh.reports.plain.text import render_text
from fairweigh.reports.slices.appendix import MOST_LINES, appendix
from fairweigh.reports.slices.class_tables import grid
from fairweigh.reports.slices.gate_tables import gate_rows
from fairweigh.reports.words.formats import figure, interval
from fairweigh.reports.words.spoken import plain
from sklearn.metrics import confusion_matrix, recall_score

from . import task_runs
from .visible_text import visible_texts

OF_DECISIONS = (
    "Positive label", "positive class", "no longer selected", "newly selected", "selected before",
    "favourable", "A row that one model selects", "before a threshold", "share of positive labels",
)  # fmt: skip
"""Words that are true of decisions for or against alone."""
EMPTY = re.compile(r"(?:Of [\d,]+ rows|\() *—|— (?:are|rows|newly)")
ENGLISH = re.compile(r"[A-Za-z][a-z’']+(?:[ ,;:]+[a-z’']{3,})+")


@pytest.fixture(scope="module")
def classes(multiclass_run: task_runs.Run) -> task_runs.Run:
    return multiclass_run


@pytest.fixture(scope="module")
def numbers(regression_run: task_runs.Run) -> task_runs.Run:
    return regression_run


@pytest.fixture(scope="module")
def pages(
    classes: task_runs.Run, numbers: task_runs.Run, multilabel_run: task_runs.Run,
    ranking_run: task_runs.Run, ner_run: task_runs.Run,
    generation_run: task_runs.Run,
) -> Any:  # fmt: skip
    """The pages of each, in both languages, with charts."""
    runs = {"classes": classes, "numbers": numbers, "labels": multilabel_run, "lists": ranking_run,
            "entities": ner_run, "texts": generation_run}  # fmt: skip
    return {
        (name, code): render_annex(run.result, language=code)
        for name, run in runs.items()
        for code in ("en", "zh")
    }


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition("<main>")[2]))


@pytest.mark.parametrize("name", ["classes", "numbers", "labels", "lists", "entities", "texts"])
def test_no_word_of_decisions_for_or_against_stands_on_pages_of_other_tasks(pages: Any, name: str) -> None:
    told = text_of(pages[name, "en"])
    assert [word for word in OF_DECISIONS if word in told] == []
    assert not EMPTY.search(told)


@pytest.mark.parametrize("name", ["classes", "numbers", "labels", "lists", "entities", "texts"])
def test_nothing_of_ours_is_left_in_english_on_a_chinese_page(pages: Any, name: str) -> None:
    left = [
        t for t in visible_texts(pages[name, "zh"]) if ENGLISH.search(re.sub(r"[（(][^（）()]*[）)]", "", t))
    ]
    assert left == []


def test_the_matrix_holds_the_counts_of_labels_and_decisions(classes: task_runs.Run, pages: Any) -> None:
    known = confusion_matrix(classes.rows.y, classes.rows.d, labels=list(classes.result.classes))
    assert classes.result.variants[0].confusion == known.tolist()
    table = re.search(r"Labels \(downwards\).*?</table>", pages["classes", "en"], re.DOTALL)[0]
    shown = re.findall(r'<span class="under">([\d,]+)</span>', table)
    assert [int(n.replace(",", "")) for n in shown] == known.ravel().tolist()
    shares = re.findall(r'<td[^>]*data-value="([\d.e-]+)"[^>]*>[\d.]+\u00a0%', table)
    np.testing.assert_allclose(
        np.array(shares, float), (known / known.sum(1, keepdims=True)).ravel(), rtol=1e-6
    )


def test_the_matrix_of_a_change_holds_the_decisions_before_and_after(
    classes: task_runs.Run, pages: Any
) -> None:
    known = confusion_matrix(classes.rows.d, classes.rows.d2, labels=list(classes.result.classes))
    table = re.search(r"Decisions before \(downwards\).*?</table>", pages["classes", "en"], re.DOTALL)[0]
    shown = re.findall(r'<span class="under">([\d,]+)</span>', table)
    assert [int(n.replace(",", "")) for n in shown] == known.ravel().tolist()


def test_a_grid_shows_the_rate_of_each_class_in_each_slice(classes: task_runs.Run) -> None:
    rows, names = classes.rows, list(classes.result.classes)
    found: Any = grid("true_positive_rate", ("g",), classes.result, classes.result.variants[0])
    assert [plain(head) for head in found.heads] == names
    for name, cells in found.rows:
        part = rows if plain(name) == "all rows" else rows[rows.g == plain(name)]
        known = recall_score(part.y, part.d, labels=names, average=None)
        np.testing.assert_allclose([cell.text.value for cell in cells], known)
        assert [int(cell.under) for cell in cells] == [int((part.y == c).sum()) for c in names]


def test_bold_figures_are_those_whose_limits_for_all_slices_leave_out_the_reference(
    classes: task_runs.Run,
) -> None:
    variant = classes.result.variants[0]
    found = grid("selection_rate", ("g",), classes.result, variant)
    bold = {
        (plain(head), plain(name))
        for name, cells in found.rows
        for head, cell in zip(found.heads, cells, strict=True)
        if cell.strong
    }
    known = {
        (d.view, d.slice["g"])
        for d in variant.disparities
        if d.name == "selection_rate_difference" and d.by == ["g"] and d.view and d.scope == "reference"
        and (d.simultaneous_low > 0 or d.simultaneous_high < 0)
    }  # fmt: skip
    assert bold == known
    assert bold


def test_gates_name_their_class_and_keep_their_slices(classes: task_runs.Run) -> None:
    rows = gate_rows([g for g in classes.result.gates if g.variant == "original"], classes.result)
    titles = [plain(row.title) for row in rows]
    assert titles == [
        "Accuracy by g",
        "True positive rate of each class by g",
        "Equalized odds difference of each class by g",
        "Selection rate of good by g",
    ]
    each = rows[1]
    assert re.fullmatch(r"(bad|good|<i>meh</i>): g=[bc] against g=[abc]", plain(each.head.slices))
    assert len(each.lines) == 6
    assert (each.classes, rows[3].classes) == (3, 0)
    assert re.fullmatch(r"g=[bc] against g=[abc]", plain(rows[3].head.slices))
    assert "(all 6 comparisons together)" in each.head.limits + rows[3].head.limits or each.head.limits
    assert "slices together" not in each.head.limits


def test_a_gate_of_all_classes_says_what_its_lines_are(classes: task_runs.Run) -> None:
    why = {g.metric: g.why for g in classes.result.gates if g.variant == "original"}
    assert re.search(r"6 slices of 3 classes", why["true_positive_rate"])
    assert re.search(r"3 classes (are|is|cannot)", why["equalized_odds_difference"])
    assert "classes" not in why["accuracy"] + why["selection_rate"]


def test_a_finding_of_a_class_tells_its_rates_among_its_rows(classes: task_runs.Run) -> None:
    gate = next(f for f in findings(classes.result) if f.gate == "gate-4")
    told = plain(gate.lead)
    here, there = (
        100 * float((classes.rows[classes.rows.g == g].d == "good").mean()) for g in re.findall("g=(.)", told)
    )
    assert f"gives {here:.0f} the class good" in told
    assert told.endswith(f"{there:.0f}.")


def test_decisions_that_change_are_told_by_what_became_wrong_and_right(classes: task_runs.Run) -> None:
    rows = classes.rows
    wrong = int(((rows.d == rows.y) & (rows.d2 != rows.y)).sum())
    right = int(((rows.d != rows.y) & (rows.d2 == rows.y)).sum())
    changed = int((rows.d != rows.d2).sum())
    told = (
        f"{changed} of 600 rows are decided otherwise: right to wrong {wrong}, wrong to right {right}, wrong "
        f"both times {changed - wrong - right}."
    )
    assert told in render_text(classes.result)
    assert told in render_markdown(classes.result)


def test_a_class_that_is_markup_shows_as_text_in_every_output(classes: task_runs.Run, pages: Any) -> None:
    assert "<i>meh" not in pages["classes", "en"]
    assert "&lt;i&gt;meh" in pages["classes", "en"]
    assert "<i>" not in render_markdown(classes.result)
    assert "&lt;i&gt;meh" in render_junit(classes.result)


def test_tables_for_spreadsheets_have_a_column_of_the_class(
    classes: task_runs.Run, compas: AuditResult
) -> None:
    lines = list(csv.DictReader(io.StringIO(render_csv(classes.result), newline="")))
    part = classes.rows[classes.rows.s == "x"]
    (found,) = [
        line
        for line in lines
        if (line["variant"], line["metric"], line["compare"], line["view"], line["slice"])
        == ("original", "true_positive_rate", "value", "good", "s=x")
    ]
    assert float(found["value"]) == pytest.approx((part[part.y == "good"].d == "good").mean())
    assert {line["view"] for line in lines} == {"", *classes.classes}
    figures = frame(classes.result, "figures")
    assert set(figures["view"].dropna()) == set(classes.classes)
    assert "view" not in render_csv(compas).partition("\n")[0]
    assert "view" not in frame(compas, "figures").columns


def test_many_classes_keep_the_page_small_and_narrow(tmp_path: Path) -> None:
    names = tuple(f"category {k:02d}" for k in range(20))
    run = task_runs.multiclass(tmp_path, 800, names)
    page = render_annex(run.result, charts=False)
    assert len(page.encode()) < 1_300_000
    variant = run.result.variants[0]
    found = grid("true_positive_rate", ("g", "s"), run.result, variant)
    assert len(found.rows) == 20
    assert len(found.heads) <= 8
    assert "category 03 → category" in re.sub(r"</?bdi>", "", page)
    assert appendix(run.result, variant).shown <= MOST_LINES


def test_the_axes_of_predicted_numbers_have_no_percent_sign(numbers: task_runs.Run, pages: Any) -> None:
    drawn = re.findall(r"<svg.*?</svg>", pages["numbers", "en"], re.DOTALL)
    assert drawn
    assert not [svg for svg in drawn if "%" in re.sub(r"<desc.*?</desc>", "", svg, flags=re.DOTALL)]
    assert any("50,000" in svg or "52,000" in svg for svg in drawn)


def test_a_mean_error_is_told_by_its_size_and_side(numbers: task_runs.Run) -> None:
    rows = numbers.rows
    front = numbers.result.front.model_copy(update={"verdict_of": "original"})
    told = [plain(f.lead) for f in findings(numbers.result.model_copy(update={"front": front}))]
    mean = (rows.p - rows.y)[rows.g == "c"].mean()
    assert any(
        f"For g=c the predictions of the original are on average {mean:,.0f} too high" in t for t in told
    )
    # Those of g=a lie on 0: neither side is claimed.
    assert any("; for g=a off by" in t for t in told)


def test_nothing_is_decided_where_numbers_are_predicted(numbers: task_runs.Run, pages: Any) -> None:
    told = text_of(pages["numbers", "en"])
    for words in ("Decisions changed", "Whose decisions", "Flip rate", "TP, FP", "Excess loss"):
        assert words not in told
    assert "Decisions changed" not in render_markdown(numbers.result)
    assert "Who pays: for s=x the mean absolute error changes by +" in render_text(numbers.result)


def test_errors_of_a_slice_stand_in_bins_that_hold_all_its_rows(numbers: task_runs.Run, pages: Any) -> None:
    table = re.search(r"Rows by their error and slice.*?</table>", pages["numbers", "en"], re.DOTALL)[0]
    heads = re.findall(r'<th scope="col" class="num"[^>]*>(.*?)</th>', table)
    counts = [re.findall(r"<td[^>]*>([\d,]+)</td>", line) for line in re.findall(r"<tr>.*?</tr>", table)[1:]]
    for k, head in enumerate(heads):
        assert sum(int(line[k].replace(",", "")) for line in counts) == (numbers.rows.g == head).sum()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0123, "0.012"), (9.876, "9.876"), (52.37, "52.37"), (379.91, "379.9"), (52_380.4, "52,380")],
)
def test_amounts_have_fewer_decimals_the_larger_they_are(value: float, shown: str) -> None:
    assert figure(value, "amount") == shown
    assert interval(value, 1_000.0, "amount").endswith("to 1,000")


def test_letters_that_stand_for_words_stay_large_within_a_definition(ranking: AuditResult) -> None:
    told = ranking.definitions
    assert told["ndcg_gap_difference"].formula == "highest minus lowest NDCG"
    assert told["exposure_parity_difference"].formula == "highest minus lowest mean exposure"


def test_what_stands_beside_a_chinese_and_stands_a_space_apart_from_it(pages: Any) -> None:
    assert re.search(r">1,180 和 1,220<", pages["lists", "zh"])
    assert not re.search(r"[0-9]和|和[0-9]", text_of(pages["lists", "zh"]))
