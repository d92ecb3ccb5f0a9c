"""A gate's two decision limits in words: which side they bound, for how many slices, how they are rounded."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from fairweigh.audit.result import AuditResult, GateResult, GateSlice
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.page.notebook import render_notebook
from fairweigh.reports.plain.assertion import render_assertion
from fairweigh.reports.plain.junit import render_junit
from fairweigh.reports.plain.markdown import render_markdown
from fairweigh.reports.plain.sarif import render_sarif
from fairweigh.reports.plain.text import render_text
from fairweigh.reports.slices.gate_tables import gate_rows
from fairweigh.reports.words.decision_limits import decided_figures
from fairweigh.reports.words.formats import outward, outward_decimals
from fairweigh.reports.words.language import writing
from fairweigh.reports.words.spoken import plain, verdict_word

NBSP = "\u00a0"


def gate_of(**changes: Any) -> GateResult:
    usual: dict[str, Any] = {
        "id": "g", "metric": "true_positive_rate", "by": ["race"], "compare": "difference",
        "limit": "<= 0.1", "decide": "proven", "variant": "original", "verdict": "inconclusive",
        "measured": 0.061, "low": 0.0313, "high": 0.0938, "claims": 1, "why": "",
    }  # fmt: skip
    return GateResult(**{**usual, **changes})


def slices_of(n: int) -> list[GateSlice]:
    return [GateSlice(slice={"race": str(k)}, verdict="pass") for k in range(n)]


def limits(result: AuditResult, gate: GateResult) -> str:
    return decided_figures(gate, gate, result).limits.replace(NBSP, " ")


def test_an_upper_limit_fails_by_what_is_proven_at_least(compas: AuditResult) -> None:
    gate = gate_of(claims=20, slices=slices_of(20))
    assert limits(compas, gate) == "at least 3.1 points (all 20 slices together), at most 9.4"


def test_a_lower_limit_fails_by_what_is_proven_at_most(compas: AuditResult) -> None:
    gate = gate_of(compare="ratio", limit=">= 0.8", metric="selection_rate", claims=6, slices=slices_of(6),
                   measured=0.7, low=0.6312, high=0.7849, verdict="fail")  # fmt: skip
    assert limits(compas, gate) == "at least 0.63, at most 0.79 (all 6 slices together)"
    accuracy = gate_of(compare="value", limit=">= 0.8", metric="accuracy", by=[], measured=0.812, low=0.8004,
                       high=0.8321, verdict="pass")  # fmt: skip
    assert limits(compas, accuracy) == "at least 80.04 %, at most 83.21 %"


def test_a_difference_that_was_measured_negative_is_told_by_its_size(compas: AuditResult) -> None:
    gate = gate_of(measured=-0.2139, low=-0.252, high=-0.1741, claims=2, slices=slices_of(2), verdict="fail")
    assert decided_figures(gate, gate, compas).measured == f"−21.4{NBSP}points"
    assert limits(compas, gate) == "at least 17.4 points (all 2 slices together), at most 25.2"
    row = gate_rows([gate], compas)[0]
    assert row.head.measured == f"−21.4{NBSP}points"
    assert row.head.limits.startswith("in size at least 17.4")
    assert plain(row.limit) == f"absolute difference ≤{NBSP}10{NBSP}points"
    assert "in size" not in gate_rows([gate_of()], compas)[0].head.limits
    nothing_proven = gate_of(measured=-0.02, low=-0.0662, high=0.0228)
    assert limits(compas, nothing_proven) == "at least 0.0 points, at most 6.7"


def test_a_growth_keeps_its_sign(compas: AuditResult) -> None:
    gate = gate_of(compare="change", limit="<= 0.02", measured=-0.004, low=-0.0152, high=0.0088)
    assert limits(compas, gate) == "at least −1.6 points, at most +0.9"
    loss = gate_of(compare="change", limit=">= -0.01", by=[], claims=3, measured=-0.004, low=-0.0092,
                   high=0.0012)  # fmt: skip
    # With one decimal the lower limit would be written as −1.0, which is no longer within what is asked.
    assert limits(compas, loss) == "at least −0.92 points, at most +0.12 (all 3 comparisons together)"


def test_a_ratio_judged_by_its_inverse_fails_by_what_it_is_at_least(compas: AuditResult) -> None:
    """Limit 0.8: 1.6 fails, since 1 / 1.4 < 0.8; nobody named a reference, so neither side is favoured."""
    gate = gate_of(compare="ratio", limit=">= 0.8", measured=1.6, low=1.4, high=1.8, claims=2,
                   slices=slices_of(2), verdict="fail", inverse=True)  # fmt: skip
    assert limits(compas, gate) == "at least 1.40 (all 2 slices together), at most 1.80"
    beside = gate.model_copy(update={"low": 1.2503, "verdict": "fail"})
    assert limits(compas, beside).startswith("at least 1.2503 (")


def test_a_ratio_to_a_named_reference_fails_by_what_it_is_at_most(compas: AuditResult) -> None:
    gate = gate_of(compare="ratio", limit=">= 0.8", measured=1.1, low=0.9, high=1.3, claims=2,
                   slices=slices_of(2), verdict="pass")  # fmt: skip
    assert limits(compas, gate) == "at least 0.90, at most 1.30 (all 2 slices together)"


def test_claims_that_are_not_one_a_slice_are_comparisons(compas: AuditResult) -> None:
    gate = gate_of(metric="equalized_odds_difference", compare="value", claims=60, slices=slices_of(1))
    assert limits(compas, gate) == "at least 3.1 points (all 60 comparisons together), at most 9.4"


def test_limits_without_an_exact_test_are_called_approximate(compas: AuditResult) -> None:
    gate = gate_of(metric="auc", compare="value", limit=">= 0.7", by=[], approximate=True, measured=0.74,
                   low=0.7121, high=0.7688, verdict="pass")  # fmt: skip
    assert limits(compas, gate) == "at least 0.712, at most 0.769 (approximate)"


def test_what_the_value_decides_has_an_interval(compas: AuditResult) -> None:
    assert limits(compas, gate_of(decide="point", verdict="pass")) == "interval +3.1 to +9.4"
    cost = gate_of(compare="cost", metric="compute", by=[], limit="<= 0.5", measured=0.42, low=0.4, high=0.45)
    assert limits(compas, cost) == "interval 40.0 to 45.0 %"
    assert limits(compas, gate_of(decide="point", low=None, high=None)) == "—"


def test_a_limit_that_is_not_known_is_not_told(compas: AuditResult) -> None:
    assert limits(compas, gate_of(low=None)) == "at most 9.4 points"
    assert limits(compas, gate_of(low=None, high=None)) == "—"
    ratio = gate_of(compare="ratio", limit="<= 1.25", measured=1.1, low=0.8, high=float("inf"))
    assert limits(compas, ratio) == "at least 0.80"


def test_limits_in_chinese(compas: AuditResult) -> None:
    gate = gate_of(claims=20, slices=slices_of(20), approximate=True)
    with writing("zh"):
        told = decided_figures(gate, gate, compas).limits.replace(NBSP, " ")
        point = decided_figures(gate_of(decide="point"), gate_of(decide="point"), compas).limits
    assert told == "至少 3.1 个百分点（对全部 20 个切片同时成立），至多 9.4 个百分点（近似）"
    assert point == "区间 +3.1 至 +9.4"


@pytest.mark.parametrize(
    ("value", "up", "shown"),
    [(0.0313, False, "3.1"), (0.0313, True, "3.2"), (-0.0313, False, "−3.2"), (-0.0313, True, "−3.1"),
     (0.1, True, "10.0"), (0.1, False, "10.0"), (0.1 + 2e-17, True, "10.0")],
)  # fmt: skip
def test_limits_are_rounded_outward(value: float, up: bool, shown: str) -> None:
    assert outward(value, "points", up=up, unit=False).lstrip("+") == shown


@pytest.mark.parametrize("bound", [0.1, 0.1005, 0.05, 1 / 3])
@pytest.mark.parametrize("off", [0.03, 1e-3, 4e-4, 1e-6, 2e-8, 0.0, -2e-8, -1e-6, -4e-4, -1e-3])
@pytest.mark.parametrize("up", [True, False])
def test_no_limit_is_written_on_the_other_side_of_what_is_asked(bound: float, off: float, up: bool) -> None:
    """An upper limit within the bound is written within it, a lower one beyond it is written beyond it."""
    value = bound + off
    decimals = outward_decimals(value, bound, "gap", up=up)
    written = float(outward(value, "gap", up=up, decimals=decimals, unit=False).replace("−", "-")) / 100
    assert written >= value - 1e-12 if up else written <= value + 1e-12
    if off:
        assert (written > bound) == (value > bound)
        assert (written < bound) == (value < bound)


def test_one_gate_is_told_alike_by_every_renderer(compas: AuditResult) -> None:
    """A gate that fails, with its limits beside 10 points: all write them so, with the same verdict."""
    gate = compas.gates[0].model_copy(update={"high": -0.10004})
    result = compas.model_copy(update={"gates": [gate], "verdict": "fail"})
    told = "at least 10.004 points (all 2 slices together), at most 25.200"
    suite = ElementTree.fromstring(render_junit(result).encode())
    (found,) = json.loads(render_sarif(result, {}))["runs"][0]["results"]
    texts = {
        "report.html": _visible(render_annex(result, charts=False)),
        "notebook": _visible(render_notebook(result)),
        "summary.md": html.unescape(render_markdown(result)),
        "junit.xml": suite.findtext("testcase/failure") or "",
        "sarif": found["message"]["text"],
        "assertion": render_assertion(result, [gate]),
        "terminal": render_text(result),
    }
    for name, text in texts.items():
        shown = text.replace(NBSP, " ")
        assert told in shown, name
        assert f"✕ {verdict_word('fail')}" in shown, name
        assert "at least 10.0 points" not in shown, name
        assert "nterval" not in shown.split(told)[0][-60:], name


def _visible(page: str) -> str:
    body = re.sub(r"<(style|script).*?</\1>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", body)).replace(NBSP, " "))
