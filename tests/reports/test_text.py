"""The few lines for the terminal say what the other renderers say."""

from __future__ import annotations

from fairweigh.audit.result import AuditResult
from fairweigh.reports.plain.text import render_text
from fairweigh.reports.words.spoken import verdict_words


def test_terminal_text_gives_every_gate_with_the_verdict_of_the_result(compas: AuditResult) -> None:
    text = render_text(compas)
    assert text.startswith(f"{verdict_words(compas.verdict)}: ")
    lines = [line for line in text.splitlines() if line.startswith("  ")]
    assert [line.split("  ")[1] for line in lines] == [verdict_words(g.verdict) for g in compas.gates]


def test_terminal_text_makes_control_characters_of_names_visible(hostile: AuditResult) -> None:
    text = render_text(hostile)
    assert not [c for c in text if ord(c) < 32 and c != "\n"]
