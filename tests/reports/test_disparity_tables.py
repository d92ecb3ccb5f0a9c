"""The tables against a reference: what p is adjusted for, and how large the family is."""

from __future__ import annotations

import re

import pytest
from fairweigh.audit.result import AuditResult, Disparity, Findings
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.slices.disparity_tables import against_reference
from fairweigh.reports.slices.tables import Notes

from .test_html import Page


@pytest.fixture
def impact(compas: AuditResult) -> AuditResult:
    """The impact ratio beside the difference, with the same reference: limits and p are for the choice."""
    variant = compas.variants[0]

    def changed(item: Disparity) -> Disparity:
        if (item.metric, item.by, item.compare, item.scope) != (
            "selection_rate", ["race"], "ratio", "reference",
        ):  # fmt: skip
            return item
        return item.model_copy(
            update={
                "name": "impact_ratio", "p": 0.0123, "p_adjusted": 0.0123,
                "low": item.simultaneous_low, "high": item.simultaneous_high,
            }
        )  # fmt: skip

    items = [changed(item) for item in variant.disparities]
    variant = variant.model_copy(update={"disparities": items, "findings": Findings(looked_at=666)})
    return compas.model_copy(update={"variants": [variant]})


def test_impact_ratios_stand_apart_and_say_that_they_are_adjusted_for_the_choice(impact: AuditResult) -> None:
    variant = impact.variants[0]
    items = [d for d in variant.disparities if d.by == ["race"] and d.metric == "selection_rate"]
    rows = [row for row in variant.slices if list(row.slice) == ["race"]]
    fixed, picked = against_reference([d for d in items if d.scope == "reference"], rows, impact, Notes())
    assert (fixed.picked, picked.picked) == (False, True)
    assert fixed.reference == picked.reference
    assert {row.ratio.text for row in fixed.rows} == {row.difference.text for row in picked.rows} == {""}
    # p is adjusted as it stands: nothing else stands under it.
    assert {(row.p.text, row.p.interval) for row in picked.rows} == {("0.012", "")}
    assert {row.p.interval for row in fixed.rows} <= {"adjusted < 0.001", "adjusted 0.600"}
    text = Page(render_annex(impact, charts=False)).text
    assert (
        "Selection rate, against race=African-American, the benchmark: limits and p are adjusted for its "
        "choice" in text
    )


def test_the_size_of_the_family_stands_with_the_comparisons_and_the_methods(impact: AuditResult) -> None:
    text = Page(render_annex(impact, charts=False)).text
    sections = text.count("over the 666 differences of all slices that were looked at")
    assert sections == text.count("Against the reference") == 3
    assert "666 differences were looked at as one family" in text
    chinese = Page(render_annex(impact, charts=False, language="zh")).text
    assert chinese.count("对所有切片中考察的 666 个差值一并校正") == 3
    assert "共将 666 个差值作为一族考察" in chinese


def test_a_run_without_a_family_names_none(compas: AuditResult) -> None:
    variant = compas.variants[0].model_copy(update={"findings": None})
    text = Page(render_annex(compas.model_copy(update={"variants": [variant]}), charts=False)).text
    assert not re.search(r"differences (were|of all slices that were) looked at", text)
