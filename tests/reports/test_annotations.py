"""The gates as commands of a GitHub workflow, read as its runner reads them."""

from __future__ import annotations

import re

from fairweigh.audit.result import AuditResult
from fairweigh.reports.plain.annotations import render_annotations
from fairweigh.reports.words.spoken import visible

Command = tuple[str, dict[str, str], str]


def commands(text: str) -> list[Command]:
    """Read workflow commands as ``ActionCommand.TryParseV2`` of actions/runner does."""
    found = []
    for line in text.splitlines():
        head, message = re.fullmatch(r"\s*::(.*?)::(.*)", line).groups()
        name, _, properties = head.partition(" ")
        pairs = [pair.split("=", 1) for pair in properties.split(",")]
        found.append((name, {k: _unescape(v, (":", ",")) for k, v in pairs}, _unescape(message)))
    return found


def _unescape(text: str, more: tuple[str, ...] = ()) -> str:
    for sign in ("\r", "\n", *more, "%"):
        text = text.replace(f"%{ord(sign):02X}", sign)
    return text


def test_each_gate_that_does_not_pass_is_told_with_its_level_and_place(compas: AuditResult) -> None:
    places = {gate.id: ("audit.yaml", 10 + k) for k, gate in enumerate(compas.gates)}
    found = commands(render_annotations(compas, places))
    assert [name for name, _, _ in found] == ["error", "error", "warning"]
    for name, properties, message in found:
        gate = next(g for g in compas.gates if g.why in message)
        assert name == ("warning" if gate.verdict == "inconclusive" else "error")
        assert properties["line"] == str(places[gate.id][1])
        assert gate.id in properties["title"]


def test_a_gate_that_does_not_bind_is_a_notice_and_one_that_passes_is_silent(compas: AuditResult) -> None:
    gates = [gate.model_copy(update={"binding": False}) for gate in compas.gates]
    text = render_annotations(compas.model_copy(update={"gates": gates}), {})
    assert {name for name, _, _ in commands(text)} == {"notice"}
    passing = [gate.model_copy(update={"verdict": "pass"}) for gate in compas.gates]
    assert render_annotations(compas.model_copy(update={"gates": passing}), {}) == ""


def test_nothing_of_the_data_is_a_command(compas: AuditResult) -> None:
    evil = "x\n::error::y, title=z::%0A##[add-mask]q"
    gate = compas.gates[0].model_copy(
        update={"id": evil, "why": evil, "variant": evil, "verdict": "fail", "slice": {evil: evil}}
    )
    text = render_annotations(compas.model_copy(update={"gates": [gate]}), {evil: (evil, 1)})
    ((name, properties, message),) = commands(text)
    assert (name, set(properties)) == ("error", {"title", "file", "line"})
    assert properties["file"] == evil
    assert visible(evil) in message


def test_github_shows_ten_of_a_level_so_the_worst_are_told_and_the_rest_counted(many: AuditResult) -> None:
    found = commands(render_annotations(many, {}))
    assert [name for name, _, _ in found] == ["error"] * 10 + ["warning"] * 10 + ["notice"] * 10
    titles = [properties["title"].split(" ") for _, properties, _ in found[:9]]
    assert [(title[1], title[2]) for title in titles] == [(f"g{3 + 4 * k}", "error") for k in range(9)]
    assert [properties["title"] for _, properties, _ in found[9::10]] == [
        "fairweigh: 2,991 more gates", "fairweigh: 1,491 more gates", "fairweigh: 1,491 more gates",
    ]  # fmt: skip


def test_a_message_without_end_is_cut(compas: AuditResult) -> None:
    gate = compas.gates[0].model_copy(update={"verdict": "fail", "slice": {"sex": "F" * 100_000}})
    ((_, _, message),) = commands(render_annotations(compas.model_copy(update={"gates": [gate]}), {}))
    assert len(message) == 4_003
