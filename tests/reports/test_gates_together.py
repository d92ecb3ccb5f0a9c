"""What several proven gates risk together, in one line that every renderer prints."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from fairweigh.audit.result import AuditResult, GatesTogether
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.page.notebook import render_notebook
from fairweigh.reports.plain.junit import render_junit
from fairweigh.reports.plain.markdown import render_markdown
from fairweigh.reports.plain.sarif import render_sarif
from fairweigh.reports.plain.text import render_text
from fairweigh.reports.words.formats import near_one
from fairweigh.reports.words.gates_together import gates_together
from fairweigh.reports.words.language import writing
from fairweigh.reports.words.spoken import plain

NBSP = "\u00a0"
TWELVE = (
    f"12 proven gates. Were every true value exactly on its limit, up to 0.6 of them would fail by chance; "
    f"for 5{NBSP}% over the whole policy set confidence 0.9958."
)


@pytest.fixture
def twelve(compas: AuditResult) -> AuditResult:
    # 1 - 0.05 / 12: any of twelve gates then fails by chance in at most 5 % of runs (Bonferroni).
    found = GatesTogether(proven=12, false_fails=12 * 0.05, confidence_for_all=1 - 0.05 / 12)
    return compas.model_copy(update={"gates_together": found})


def test_the_line_stands_in_every_output(twelve: AuditResult) -> None:
    assert plain(gates_together(twelve)) == TWELVE
    assert TWELVE in render_annex(twelve, charts=False)
    assert TWELVE in render_markdown(twelve)
    assert TWELVE in render_text(twelve).splitlines()
    assert TWELVE in render_notebook(twelve)
    suite = ElementTree.fromstring(render_junit(twelve).encode())
    assert suite.find("properties/property[@name='gates together']").get("value") == TWELVE
    assert json.loads(render_sarif(twelve, {}))["runs"][0]["properties"]["gatesTogether"] == TWELVE


def test_the_line_in_chinese(twelve: AuditResult) -> None:
    with writing("zh"):
        assert plain(gates_together(twelve)) == (
            "12 项须由界限证明的门禁。假如每个真实值都恰好等于其限值，平均至多有 0.6 项会因偶然而不通过；"
            "若要使整个策略的这一概率不超过 5%，请将 confidence 设为 0.9958。"
        )


def test_one_gate_risks_what_its_confidence_leaves(compas: AuditResult) -> None:
    one = compas.model_copy(
        update={"gates_together": GatesTogether(proven=1, false_fails=0.05, confidence_for_all=0.95)}
    )
    assert plain(gates_together(one)) == (
        "1 proven gate. Were the true value exactly on its limit, it would fail by chance in at most "
        f"5{NBSP}% of such runs."
    )


def test_without_a_proven_gate_nothing_is_said(compas: AuditResult) -> None:
    none = compas.model_copy(update={"gates_together": None})
    assert gates_together(none) == ()
    assert "would fail by chance" not in render_annex(none, charts=False)
    assert "gates together" not in render_junit(none)


@pytest.mark.parametrize("gates", [2, 12, 77, 1000])
def test_the_confidence_to_set_is_the_one_that_shares_five_percent_out(gates: int) -> None:
    level = 1 - 0.05 / gates
    written = float(near_one(level, asked=True))
    # Rounded to four decimals, or to two figures of what is left open: 5 % stay 5 % but for their rounding.
    assert 1 - written == pytest.approx(1 - level, rel=0.08)
    assert round((1 - written) * gates, 2) == pytest.approx(0.05)
