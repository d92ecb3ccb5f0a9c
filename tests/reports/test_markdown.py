"""The summary for a pull request."""

from __future__ import annotations

import html
import re

import pytest
from fairweigh.audit.result import AuditResult, PolicyInfo
from fairweigh.reports.page.findings import findings
from fairweigh.reports.plain import markdown
from fairweigh.reports.plain.markdown import LONGEST, given, marker, render_markdown
from fairweigh.reports.variants.ladder_table import ladder
from fairweigh.reports.words.spoken import plain, verdict_reason, verdict_words


def test_verdict_findings_and_gates_are_there(compas: AuditResult) -> None:
    text = render_markdown(compas)
    assert text.startswith(f"{marker(compas.audit)}\n## {verdict_words(compas.verdict)}: ")
    assert verdict_reason(compas) in text
    shown = html.unescape(text)
    for finding in findings(compas):
        assert plain(finding.lead) in shown
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(compas.gates)
    for gate, row in zip(compas.gates, rows, strict=True):
        assert f"**{verdict_words(gate.verdict)}**" in row


def test_table_keeps_its_columns_with_hostile_names(hostile: AuditResult) -> None:
    rows = [line for line in render_markdown(hostile).splitlines() if line.startswith("|")]
    assert len(rows) == len(hostile.gates) + 2
    assert {row.count("|") for row in rows} == {8}


def test_nothing_from_the_data_is_markup(hostile: AuditResult) -> None:
    named = hostile.model_copy(update={"audit": "--><script>\n## a | b"})
    first, text = render_markdown(named).split("\n", 1)
    assert re.fullmatch(r"<!-- fairweigh:[A-Za-z0-9.-]*:[0-9a-f]{12} -->", first)
    assert "--" not in first[4:-3]
    assert not re.search(r"[<>`@\[\]]", text)
    assert "http://" not in text
    assert "\x00" not in text


def test_mentions_and_issue_numbers_are_broken() -> None:
    # GitHub looks for them after character references are resolved.
    assert "@octocat" not in html.unescape(given("@octocat"))
    assert "#12" not in html.unescape(given("#12"))
    assert html.unescape(given("a|b*c_d`e")) == "a|b*c_d`e"
    assert given("www.example.org") == "www&#46;example.org"


def test_synthetic_data_is_labelled(compas: AuditResult) -> None:
    data = compas.data.model_copy(update={"synthetic": True})
    assert "Synthetic data" in render_markdown(compas.model_copy(update={"data": data}))


def test_audits_of_different_names_have_comments_of_their_own() -> None:
    names = ["a b", "a-b", "a--b", "A-b", "模型", "模板", ""]
    assert len({marker(name) for name in names}) == len(names)


def test_a_comment_is_never_longer_than_the_api_takes(compas: AuditResult) -> None:
    """65,536 characters: the documented limit of a comment's body."""
    gates = [g.model_copy(update={"id": f"{g.id}-{k}"}) for k in range(500) for g in compas.gates]
    text = render_markdown(compas.model_copy(update={"gates": gates}))
    assert LONGEST - 1000 < len(text) < 65_536
    left = int(re.search(r"(\d+) more gates stand in the report", text)[1])
    shown = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(shown) + left == len(gates)


def test_the_policy_and_the_baseline_are_told(judged: AuditResult) -> None:
    text = html.unescape(render_markdown(judged))
    assert "Judged by the policy house rules (sha256 0123456789ab)" in text
    assert "compared row by row, paired: all 7,214 rows matched by id." in text


def test_the_worst_gates_are_the_ones_that_a_comment_has_room_for(many: AuditResult) -> None:
    text = render_markdown(many)
    assert len(text) <= LONGEST
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 50
    assert all(f"**{verdict_words('error')}**" in row for row in rows)
    assert f"{4_500 - len(rows)} more gates stand in the report." in text


def test_a_ladder_that_is_too_long_is_cut(compressed: AuditResult, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = render_markdown(compressed)
    monkeypatch.setattr(markdown, "MOST_STEPS", 2)
    short = render_markdown(compressed)
    steps = ladder(compressed)
    assert steps is not None
    assert f"{len(steps.steps) - 2} more variants stand in the report." in short
    assert set(short.splitlines()) - set(whole.splitlines()) == {
        f"{len(steps.steps) - 2} more variants stand in the report."
    }


def test_no_name_makes_a_comment_longer(compas: AuditResult) -> None:
    long = "<b>" * 30_000
    judged_by = PolicyInfo(name=long, sha256="0" * 64, confidence=0.95, min_size=30, gates=[])
    told = {"title": long, "policy": judged_by, "data": compas.data.model_copy(update={"title": long})}
    text = render_markdown(compas.model_copy(update=told))
    assert len(text) <= LONGEST
    assert not re.search(r"&[#\d]*\.\.\.", text)
    assert all(f"**{verdict_words(gate.verdict)}**" in text for gate in compas.gates)
    gates = [gate.model_copy(update={"slice": {"race": long}}) for gate in compas.gates] * 20
    assert len(render_markdown(compas.model_copy(update={"gates": gates, "audit": "x" * 5_000}))) <= LONGEST
