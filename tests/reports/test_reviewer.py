"""What a reviewer who signs is given: who stands in the data, limits and their authors, figures."""

from __future__ import annotations

import csv
import io

import pytest
from fairweigh.audit.result import AuditResult
from fairweigh.reports import render
from fairweigh.reports.front.document import render_report
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.page.reviewer import compositions, limits
from fairweigh.reports.plain.figures_csv import COLUMNS, render_csv
from fairweigh.reports.slices.appendix import PRINTED_LINES, appendix
from fairweigh.reports.words.formats import figure
from fairweigh.reports.words.spoken import plain

from .conftest import COMPAS
from .test_html import Page


def test_composition_counts_the_rows_of_the_data(compas: AuditResult) -> None:
    """Against the counts of ProPublica's table."""
    race, sex, crossed = compositions(compas, compas.variants[0])
    assert (plain(race.title), race.crossed, crossed.crossed) == ("race", False, True)
    black = sum(sum(cell) for (group, _), cell in COMPAS.items() if group == "African-American")
    first = race.table.rows[0]
    assert plain(first.name) == "African-American"
    assert [cell.text for cell in first.cells[:2]] == [f"{black:,}", figure(black / 7214, "percent")]
    women = [cell for (_, group), cell in COMPAS.items() if group == "Female"]
    rate = sum(cell[0] + cell[2] for cell in women) / sum(map(sum, women))
    assert sex.table.rows[1].cells[2].text == figure(rate, "percent")


def test_composition_of_unlabelled_data_has_no_base_rate(compas: AuditResult) -> None:
    variant = compas.variants[0]
    bare = variant.model_copy(
        update={
            "overall": {"selection_rate": variant.overall["selection_rate"]},
            "counts": variant.counts.model_copy(update={"positives": None}),
        }
    )
    assert [head for head, _ in compositions(compas, bare)[0].table.heads] == ["Rows", "Share"]


def test_limits_name_who_set_them_or_say_that_it_is_not_stated(compas: AuditResult) -> None:
    stated = compas.gates[0].model_copy(update={"set_by": "Board, 2026-03-02", "reason": "Harm."})
    again = stated.model_copy(update={"variant": "int8"})
    rows = limits(compas.model_copy(update={"gates": [stated, again, compas.gates[1]]}))
    assert len(rows) == 2
    assert (plain(rows[0].set_by), plain(rows[0].reason)) == ("Board, 2026-03-02", "Harm.")
    assert (plain(rows[1].set_by), plain(rows[1].reason)) == ("not stated", "not stated")


def test_definitions_say_why_they_were_chosen(compas: AuditResult) -> None:
    told = {
        "reason": "Asked for by the board.",
        "shows": "Sensitive to errors of both kinds together.",
    }
    first, second, *_ = compas.definitions
    definitions = {
        **compas.definitions,
        first: compas.definitions[first].model_copy(update=told),
        second: compas.definitions[second].model_copy(update={"shows": told["shows"]}),
    }
    text = Page(render_annex(compas.model_copy(update={"definitions": definitions}), charts=False)).text
    assert "Why chosen: Asked for by the board." in text
    assert f"Why chosen: not stated. {told['shows']}" in text


def test_sign_off_says_what_is_signed_and_holds_no_row(compas: AuditResult) -> None:
    html = render_report(compas, charts=False)
    text = Page(html).text
    for words in ("approve with conditions", "Signature", "SHA-256 of MANIFEST.json", "fairweigh sign RUN"):
        assert words in text
    # A line may break within it, and it is one word to who searches or copies it.
    assert compas.data.sha256 in html[html.index('id="sign-off"') :].replace("<wbr>", "")


def test_appendix_holds_every_figure_of_the_shown_variant(compas: AuditResult) -> None:
    variant = compas.variants[0]
    found = appendix(compas, variant)
    figures = len(variant.overall) + sum(len(row.metrics) for row in variant.slices)
    assert found.total == found.shown == figures + len(variant.disparities)
    assert sum(len(group.lines) for group in found.groups) == found.total
    text = Page(render_annex(compas, charts=False)).text
    assert f"All {found.total:,} figures of original." in text


def test_appendix_says_where_the_rest_is(compas: AuditResult, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairweigh.reports.slices.appendix.MOST_LINES", 100)
    found = appendix(compas, compas.variants[0])
    assert found.shown <= 100 < found.total
    worst = next(group for group in found.groups if "False positive rate" in plain(group.title))
    assert plain(worst.lines[1].name) == "race=African-American & sex=Male"
    text = Page(render_annex(compas, charts=False)).text
    assert (
        f"{found.shown} of the {found.total:,} figures of original, the worst of each metric first." in text
    )
    assert "figures.csv" in text


def test_long_appendix_is_printed_only_where_it_is_open(compas: AuditResult) -> None:
    found = appendix(compas, compas.variants[0])
    assert found.long == (found.shown > PRINTED_LINES)
    assert ("This part is printed only" in render_annex(compas, charts=False)) == found.long


def test_table_of_all_figures_is_unrounded_and_safe_in_a_spreadsheet(
    compas: AuditResult, hostile: AuditResult
) -> None:
    rows = list(csv.DictReader(io.StringIO(render(compas, charts=False)["figures.csv"])))
    variant = compas.variants[0]
    assert len(rows) == appendix(compas, variant).total
    (black,) = [
        row for row in rows if row["slice"] == "race=African-American" and row["figure"] == "accuracy"
    ]
    cells = [cell for (race, _), cell in COMPAS.items() if race == "African-American"]
    tp, fp, fn, tn = map(sum, zip(*cells, strict=True))
    assert float(black["value"]) == (tp + tn) / (tp + fp + fn + tn)
    assert int(black["n"]) == tp + fp + fn + tn
    slices = hostile.variants[0].model_copy(
        update={"slices": [hostile.variants[0].slices[0].model_copy(update={"slice": {"=1+1": "x"}})]}
    )
    text = render_csv(hostile.model_copy(update={"variants": [slices]}))
    assert next(csv.reader(io.StringIO(text))) == list(COLUMNS)
    assert any(row["slice"] == "'=1+1=x" for row in csv.DictReader(io.StringIO(text)))
