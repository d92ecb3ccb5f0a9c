"""The JUnit file."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema
from fairweigh.audit.result import AuditResult
from fairweigh.reports.plain import junit
from fairweigh.reports.plain.junit import render_junit
from fairweigh.reports.words.spoken import verdict_words, visible


@pytest.fixture(scope="module")
def schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))


def test_the_file_keeps_to_the_common_schema(
    compas: AuditResult, hostile: AuditResult, judged: AuditResult, schema: xmlschema.XMLSchema
) -> None:
    """The schema of Apache Ant's JUnit task; one that is broken on purpose shows that it is looked at."""
    advisory = [gate.model_copy(update={"binding": False}) for gate in compas.gates]
    none, light = ({"gates": gates} for gates in ([], advisory))
    results = (compas, hostile, judged, compas.model_copy(update=none), compas.model_copy(update=light))
    for result in results:
        schema.validate(render_junit(result))
    broken = render_junit(compas).replace("<system-err />", "")
    assert broken != render_junit(compas)
    assert not schema.is_valid(broken)
    assert not schema.is_valid(render_junit(compas).replace('time="0"', 'time="soon"'))


def test_every_gate_is_a_test_case_and_the_counts_are_right(compas: AuditResult) -> None:
    suite = ElementTree.fromstring(render_junit(compas).encode())
    assert suite.tag == "testsuite"
    assert len(suite.findall("testcase")) == len(compas.gates) == int(suite.get("tests"))
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure")) == 2
    assert int(suite.get("errors")) == len(suite.findall("testcase/error")) == 1


def test_failed_undecided_and_broken_gates_are_told_apart(compas: AuditResult) -> None:
    suite = ElementTree.fromstring(render_junit(compas).encode())
    for gate, case in zip(compas.gates, suite.findall("testcase"), strict=True):
        assert case.get("name").startswith(gate.id)
        problem = next((case.find(tag) for tag in ("failure", "error") if case.find(tag) is not None), None)
        if gate.verdict == "pass":
            assert problem is None
            assert f"{case.get('name')}\n{verdict_words('pass')}" in suite.findtext("system-out")
            continue
        assert problem.tag == ("error" if gate.verdict == "error" else "failure")
        assert problem.get("type") == gate.verdict
        assert problem.get("message").startswith(verdict_words(gate.verdict))
        assert gate.why in problem.get("message")


def test_measured_values_stand_in_the_report(compas: AuditResult) -> None:
    text = render_junit(compas)
    limits = "in size at least 17.4\u00a0points (all 2 slices together), at most 25.2"
    assert f"measured −21.4\u00a0points; {limits}" in text
    assert "left out: race=Asian; race=Native American" in text


def test_hostile_names_leave_the_file_whole(hostile: AuditResult, hostile_names: tuple[str, ...]) -> None:
    suite = ElementTree.fromstring(render_junit(hostile).encode("utf-8"))
    assert {node.tag for node in suite.iter()} <= {
        "testsuite",
        "properties",
        "property",
        "testcase",
        "failure",
        "error",
        "system-out",
        "system-err",
    }
    texts = " ".join(problem.text for problem in suite.iter() if problem.tag in ("failure", "error"))
    for name in hostile_names:
        assert visible(name) in texts


def test_result_without_gates_is_one_skipped_case_that_says_so(
    compas: AuditResult, schema: xmlschema.XMLSchema
) -> None:
    result = compas.model_copy(update={"gates": [], "verdict": "no verdict"})
    text = render_junit(result)
    schema.validate(text)
    suite = ElementTree.fromstring(text.encode())
    assert (suite.get("tests"), suite.get("skipped")) == ("1", "1")
    assert "nothing was required" in suite.find("testcase/skipped").get("message")
    assert suite.find("properties/property[@name='verdict']").get("value") == "– no verdict"


def test_what_a_run_was_judged_by_is_a_property(judged: AuditResult) -> None:
    suite = ElementTree.fromstring(render_junit(judged).encode())
    told = [p.get("value") for p in suite.findall("properties/property[@name='judged by']")]
    assert [line.split(" ")[0] for line in told] == ["Judged", "Changes"]


def test_the_line_of_a_gate_and_those_of_its_slices_are_told_apart(compas: AuditResult) -> None:
    suite = ElementTree.fromstring(render_junit(compas).encode())
    told = suite.findtext("system-out").split("\n\n") + [
        f"{case.get('name')}\n{problem.text}"
        for case in suite.findall("testcase")
        for problem in [*case.findall("failure"), *case.findall("error")]
    ]
    several = 0
    for gate in compas.gates:
        (report,) = [text for text in told if text.startswith(f"{gate.id}: ")]
        _, head, *rest = report.splitlines()
        assert ": the gate, decided by " in head
        slices = [line for line in rest if ": slice " in line]
        alone = len(gate.slices) == 1 and gate.slices[0].slice == gate.slice
        assert len(slices) == (0 if alone else len(gate.slices))
        several += len(slices) > 1
    assert several


def test_a_gate_over_many_slices_names_the_worst(compas: AuditResult) -> None:
    gate = next(gate for gate in compas.gates if len(gate.slices) > 1)
    parts = [
        gate.slices[0].model_copy(
            update={"slice": {"race": f"r{k}"}, "verdict": "fail" if k >= 900 else "pass"}
        )
        for k in range(1_000)
    ]
    updated = gate.model_copy(update={"slices": parts, "left_out": [part.slice for part in parts]})
    text = render_junit(compas.model_copy(update={"gates": [updated]}))
    assert len([line for line in text.splitlines() if ": slice " in line]) == 100
    assert [f"race=r{k} " in text for k in (899, 900, 999)] == [False, True, True]
    assert "900 more slices, none of them worse: see audit.json" in text
    assert "900 more left out: see audit.json" in text


def test_reports_of_gates_without_number_have_bounded_room(
    many: AuditResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(junit, "ROOM", 10_000)
    few = many.model_copy(update={"gates": many.gates[:200]})
    suite = ElementTree.fromstring(render_junit(few).encode())
    assert len(suite.findall("testcase")) == 200
    problems = suite.findall("testcase/failure")
    texts = [problem.text or "" for problem in problems]
    assert texts[0]
    assert not texts[-1]
    assert sum(map(len, texts)) <= 10_000
    assert all(problem.get("message") for problem in problems)
