"""The heat map of two features and the tables behind curves: shades, figures, what is left unshaded."""

from __future__ import annotations

from typing import Any

import pytest
from fairweigh.audit.result import AuditResult
from fairweigh.reports.drawing.heat_map import SHADES, heat_map
from fairweigh.reports.slices.score_tables import score_tables
from fairweigh.reports.words.order import leading_metric, slices_by
from fairweigh.reports.words.spoken import plain

from .conftest import COMPAS, DECILES


@pytest.fixture
def crossed(compas: AuditResult) -> Any:
    return slices_by(compas.variants[0], ["race", "sex"])


def test_every_slice_stands_in_the_map_with_its_figure_and_rows(compas: AuditResult, crossed: Any) -> None:
    found = heat_map(crossed, "false_positive_rate", compas)
    assert plain(found.title) == "False positive rate by race (downwards) and sex (across)."
    assert found.across == ["Male", "Female"]
    cells = {
        (line, head): cell for line, row in found.rows for head, cell in zip(found.across, row, strict=True)
    }
    tp, fp, fn, tn = COMPAS["African-American", "Male"]
    cell = cells["African-American", "Male"]
    assert cell.text.value == fp / (fp + tn)  # type: ignore[attr-defined]
    assert cell.n == f"{tp + fp + fn + tn:,}"
    assert len([cell for cell in cells.values() if cell]) == len(COMPAS)


def test_shades_go_from_the_lowest_to_the_highest_and_few_rows_have_none(
    compas: AuditResult, crossed: Any
) -> None:
    rows: Any = heat_map(crossed, "false_positive_rate", compas).rows
    shaded = sorted((c.text.value, c.shade) for _, cells in rows for c in cells if c and c.shade)
    assert (shaded[0][1], shaded[-1][1]) == (1, SHADES)
    assert [shade for _, shade in shaded] == sorted(shade for _, shade in shaded)
    few = [c for _, cells in rows for c in cells if c and c.few]
    assert few
    assert {cell.shade for cell in few} == {0}


def test_a_metric_that_is_the_same_everywhere_leads_no_intersection(compas: AuditResult) -> None:
    changed = compas.model_copy(deep=True)
    variant, by = changed.variants[0], ["race", "sex"]
    usual = leading_metric(changed, variant, by)
    for row in slices_by(variant, by):
        row.metrics[usual] = row.metrics[usual].model_copy(update={"value": 1.0})
    assert leading_metric(changed, variant, by) not in (usual, None)
    for row in slices_by(variant, by):
        for name in set(row.metrics) - {usual}:
            del row.metrics[name]
    assert leading_metric(changed, variant, by) == usual


def test_no_map_where_the_columns_have_no_room(compas: AuditResult, crossed: Any) -> None:
    wide = [
        row.model_copy(update={"slice": {"a": str(k % 40), "b": str(k % 9)}})
        for k, row in enumerate(crossed * 40)
    ]
    assert heat_map(wide, "accuracy", compas) is None
    assert heat_map(crossed, "no_such_metric", compas) is None


def test_tables_behind_the_curves_hold_their_bins(compas: AuditResult) -> None:
    details = [d for d in compas.variants[0].scores if d.slice]
    tables = {table.title: table for table in score_tables(details)}
    assert set(tables) <= {"Distribution of the score", "Calibration", "ROC"}
    black: Any = {plain(name): lines for name, lines in tables["Distribution of the score"].groups}[
        "African-American"
    ]
    counts = [int(cells[0].text.value) for _, cells in black]
    assert sum(counts) == sum(map(sum, DECILES["African-American"]))
