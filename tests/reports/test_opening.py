"""Terminal and comment begin with what the front page says of the verdict."""

from __future__ import annotations

from fairweigh.audit.result import AuditResult
from fairweigh.audit.verdict.front import finished
from fairweigh.reports.front.looked_up import Told
from fairweigh.reports.front.named_verdict import named_verdict
from fairweigh.reports.plain.markdown import render_markdown
from fairweigh.reports.plain.text import render_text
from fairweigh.reports.words.spoken import plain, verdict_reason


def test_all_begin_with_the_sentence_of_the_front_page(compas: AuditResult) -> None:
    result = finished(compas)
    told = Told.of(result)
    assert told is not None
    said = named_verdict(told)
    sentence = f"{plain(said.says)}. {plain(said.lines[0])}"
    assert render_text(result).splitlines()[0].endswith(f": {result.title}. {sentence}")
    assert f"**{sentence}**" in render_markdown(result)
    # One model's gates are counted once.
    assert "Gates of all variants" not in render_text(result)


def test_the_gates_of_other_variants_are_counted_apart(compressed: AuditResult) -> None:
    result = finished(compressed)
    assert result.front is not None
    assert {gate.variant for gate in result.gates if gate.binding} != {result.front.verdict_of}
    first, second, *_ = render_text(result).splitlines()
    assert f"The verdict speaks of {result.front.verdict_of}" in first
    assert second == f"Gates of all variants: {verdict_reason(result)}"


def test_a_policy_that_binds_nothing_is_not_called_none(compas: AuditResult) -> None:
    unbound = [gate.model_copy(update={"binding": False}) for gate in compas.gates]
    result = finished(compas.model_copy(update={"gates": unbound, "verdict": "no verdict"}))
    assert "No gate is binding" in render_text(result).splitlines()[0]
    assert "No gate was set" not in render_text(result)
