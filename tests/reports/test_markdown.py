"""The summary for a pull request."""

import html
import re

from fairweigh.audit.result import AuditResult
from fairweigh.reports.findings import findings
from fairweigh.reports.markdown import given, render_markdown
from fairweigh.reports.words import plain, verdict_reason, verdict_words


def test_verdict_findings_and_gates_are_there(compas: AuditResult):
    text = render_markdown(compas)
    assert text.startswith(f"## {verdict_words(compas.verdict)}: ")
    assert verdict_reason(compas) in text
    shown = html.unescape(text)
    for finding in findings(compas):
        assert plain(finding.lead) in shown
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(compas.gates)
    for gate, row in zip(compas.gates, rows, strict=True):
        assert f"**{verdict_words(gate.verdict)}**" in row


def test_table_keeps_its_columns_with_hostile_names(hostile: AuditResult):
    rows = [line for line in render_markdown(hostile).splitlines() if line.startswith("|")]
    assert len(rows) == len(hostile.gates) + 2
    assert {row.count("|") for row in rows} == {8}


def test_nothing_from_the_data_is_markup(hostile: AuditResult):
    text = render_markdown(hostile)
    assert not re.search(r"[<>`@\[\]]", text)
    assert "http://" not in text
    assert "\x00" not in text


def test_mentions_and_issue_numbers_are_broken():
    # GitHub looks for them after character references are resolved.
    assert "@octocat" not in html.unescape(given("@octocat"))
    assert "#12" not in html.unescape(given("#12"))
    assert html.unescape(given("a|b*c_d`e")) == "a|b*c_d`e"
    assert given("www.example.org") == "www&#46;example.org"


def test_synthetic_data_is_labelled(compas: AuditResult):
    data = compas.data.model_copy(update={"synthetic": True})
    assert "Synthetic data" in render_markdown(compas.model_copy(update={"data": data}))
