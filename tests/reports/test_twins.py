"""Counterfactual twins: score gaps of rows alike but for one sensitive feature."""

from __future__ import annotations

import re

from fairweigh.audit.result import AuditResult
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.slices.twins import twins
from fairweigh.reports.words.formats import figure, interval

from .test_html import Page


def test_every_pair_shows_its_gap_its_flips_and_whom_they_favour(compressed: AuditResult) -> None:
    text = Page(render_annex(compressed, charts=False)).text
    assert "Counterfactual twins" in text
    for item in compressed.counterfactuals:
        assert f"{item.variant}, {item.feature}: {item.one} − {item.other}" in text
        assert interval(item.score_gap.low, item.score_gap.high, "signed") in text
        assert figure(item.flips.value, "percent") in text
        assert f"{item.favour_one} : {item.favour_other}" in text


def test_chart_of_twins_says_every_gap_in_words(compressed: AuditResult) -> None:
    found = twins(compressed, charts=True)
    described = re.search(r"<desc.*?>(.*?)</desc>", found.chart.drawing.svg)[1]
    for item in compressed.counterfactuals:
        assert figure(item.score_gap.value, "signed") in described


def test_undefined_gap_is_a_dash_with_its_reason(compressed: AuditResult) -> None:
    item = compressed.counterfactuals[0]
    gap = item.score_gap.model_copy(update={"value": None, "low": None, "high": None, "why": "No twins."})
    result = compressed.model_copy(update={"counterfactuals": [item.model_copy(update={"score_gap": gap})]})
    assert "No twins." in Page(render_annex(result, charts=False)).text


def test_run_without_twins_has_no_such_section(compas: AuditResult) -> None:
    assert twins(compas, charts=False) is None
    assert "Counterfactual" not in Page(render_annex(compas, charts=False)).text
