"""The first screen: what was audited, the verdict, three findings; what is open; the head of the annex.

The counts are those of COMPAS (``conftest``); rows of small slices are counted from its cells here.
"""

from __future__ import annotations

import re

import pytest
from fairweigh.audit.figures.coverage import coverage
from fairweigh.audit.result import AuditResult, Findings
from fairweigh.reports.page.first_screen import first_screen
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.page.undecided import undecided
from fairweigh.reports.words.language import writing
from fairweigh.reports.words.spoken import plain

from .conftest import COMPAS

NBSP = "\u00a0"


@pytest.fixture
def covered(compas: AuditResult) -> AuditResult:
    slices = coverage(compas.variants[0].slices)
    configuration = {**compas.configuration, "slices": {"min_size": 30}}
    return compas.model_copy(update={"coverage": slices, "configuration": configuration})


def open_questions(result: AuditResult) -> list[str]:
    return [plain(line) for line in undecided(result)]


def test_small_slices_are_told_with_the_rows_that_they_hold(covered: AuditResult) -> None:
    """Native American people alone are fewer than 30; of the crossings those below are."""
    few = [sum(cell) for cell in COMPAS.values() if sum(cell) < 30]
    told = open_questions(covered)
    assert any(
        line.startswith("race: 1 slice of fewer than 30 rows (18 in all), not judged") for line in told
    )
    crossed = f"race × sex: {len(few)} slices of fewer than 30 rows ({sum(few)} in all), not judged"
    assert any(line.startswith(crossed) for line in told)


def test_open_gate_is_told_with_the_rows_that_would_decide_it(covered: AuditResult) -> None:
    told = open_questions(covered)
    assert told[0].endswith(
        f"Rows needed: about 61,300 rows (80{NBSP}% chance, were the truth as measured); 245,000 were it "
        "half-way to the limit. There are 7,214."
    )


def test_missing_values_and_labels_are_told(covered: AuditResult) -> None:
    race = covered.coverage[0].model_copy(update={"by": ["race"], "unknown": 1, "unknown_rows": 12})
    data = covered.data.model_copy(update={"label": None})
    told = open_questions(covered.model_copy(update={"coverage": [race], "data": data, "gates": []}))
    assert told[0] == "No labels: who is decided wrongly stays open."
    assert "value missing in 12 rows, not judged" in told[1]


def _nothing(compas: AuditResult, findings: Findings | None) -> str:
    variant = compas.variants[0].model_copy(update={"findings": findings})
    screen = first_screen(compas.model_copy(update={"variants": [variant], "gates": []}))
    assert screen.findings == []
    return screen.nothing


def test_where_nothing_stands_out_the_size_of_the_family_is_told(compas: AuditResult) -> None:
    found = compas.variants[0].findings.found[0].model_copy(update={"metric": "base_rate"})
    assert _nothing(compas, Findings(looked_at=666)) == (
        "None of the 666 differences looked at is more than chance explains. That is not proof that there is "
        "none."
    )
    assert "are of the labels alone" in _nothing(compas, Findings(looked_at=666, found=[found]))
    assert "was looked at" in _nothing(compas, None)
    with writing("zh"):
        assert _nothing(compas, Findings(looked_at=666)) == (
            "所考察的 666 个差值都未超出偶然所能解释的程度。但这并不证明不存在差异。"
        )


def test_gates_beyond_the_three_findings_are_counted(compas: AuditResult) -> None:
    gates = [
        compas.gates[0].model_copy(update={"id": f"g{k}", "limit": f"<= 0.{k}", "verdict": "fail"})
        for k in range(1, 6)
    ]
    screen = first_screen(compas.model_copy(update={"gates": gates}))
    assert len(screen.findings) == 3
    assert plain(screen.more) == "2 more gates fail or could not be evaluated: see Gates."


def test_first_screen_is_chinese_in_a_chinese_report(covered: AuditResult) -> None:
    with writing("zh"):
        screen = first_screen(covered)
        told = plain(screen.findings[0].lead)
    assert told == (
        "每 100 个带负类标签的 race=Caucasian 样本中，模型选中 23 个；"
        "每 100 个 race=African-American 样本中选中 45 个。"
    )


def test_the_annex_has_a_head_and_leaves_the_verdict_to_the_report(covered: AuditResult) -> None:
    html = render_annex(covered, charts=False)
    parts = ["<h1", 'href="report.html">the report', 'class="sub reading"', 'id="gates"', 'id="limitations"']
    assert sorted(parts, key=html.index) == parts
    head = html[html.index("<main>") : html.index('id="gates"')]
    assert "Annex: " in head
    assert len(re.sub("<[^>]*>", " ", head).split()) < 150
    for other in ('id="summary"', 'class="verdict', 'id="sign-off"', "of this file", "☐"):
        assert other not in html
    alone = render_annex(covered, charts=False, report="")
    assert "report.html" not in alone
