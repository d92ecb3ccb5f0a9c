"""The gates as JUnit XML, which CI systems show as tests."""

from __future__ import annotations

from xml.etree import ElementTree

from ..audit.result import AuditResult, GateResult
from .gate_tables import GateLine, GateRow, gate_rows
from .lookup import binding_gates
from .words import plain, verdict_reason, verdict_words, visible


def render_junit(result: AuditResult) -> str:
    """Render one test suite with one test case per gate.

    A failed gate is a ``failure`` of type ``fail``. A gate that the data cannot decide is a
    ``failure`` of type ``inconclusive``, so that CI shows it. A gate that could not be evaluated is
    an ``error``. A gate of a variant that is not to be released is ``skipped`` whatever it found: it
    does not enter the run's verdict, so it neither turns the suite red nor counts as passed.
    """
    verdicts = [gate.verdict for gate in binding_gates(result)]
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": visible(f"fairweigh: {result.audit}"),
            "tests": str(len(result.gates)),
            "failures": str(verdicts.count("fail") + verdicts.count("inconclusive")),
            "errors": str(verdicts.count("error")),
            "skipped": str(len(result.gates) - len(verdicts)),
            "timestamp": visible(result.created),
        },
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (
        ("verdict", verdict_words(result.verdict)),
        ("reason", verdict_reason(result)),
        ("data", result.data.title),
        ("data.sha256", result.data.sha256),
    ):
        ElementTree.SubElement(properties, "property", {"name": name, "value": visible(value)})
    for gate, row in zip(result.gates, gate_rows(result.gates, result), strict=True):
        _add_case(suite, gate, row, result)
    ElementTree.indent(suite)
    body = ElementTree.tostring(suite, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _add_case(suite: ElementTree.Element, gate: GateResult, row: GateRow, result: AuditResult) -> None:
    asked = f"{plain(row.title)}: {plain(row.limit)}"
    case = ElementTree.SubElement(
        suite,
        "testcase",
        {
            "classname": visible(f"fairweigh.{result.audit}"),
            "name": f"{visible(gate.id)}: {asked} [{visible(gate.variant)}]",
            "time": "0",
        },
    )
    report = _report(row)
    if not gate.binding:
        message = f"for information: not the variant to be released; {row.head.words}. {visible(gate.why)}"
        ElementTree.SubElement(case, "skipped", {"message": message})
        ElementTree.SubElement(case, "system-out").text = report
        return
    if gate.verdict == "pass":
        ElementTree.SubElement(case, "system-out").text = report
        return
    lead = {
        "fail": "The limit is not met",
        "inconclusive": "These data cannot decide the gate",
        "error": "The gate could not be evaluated",
    }[gate.verdict]
    problem = ElementTree.SubElement(
        case,
        "error" if gate.verdict == "error" else "failure",
        {"type": gate.verdict, "message": f"{row.head.words}: {lead}. {visible(gate.why)}"},
    )
    problem.text = report


def _report(row: GateRow) -> str:
    """Write what the gate found, one line per slice."""
    lines = [_line(row.head)]
    lines += [_line(line) for line in row.lines]
    if row.left_out:
        lines.append("left out: " + "; ".join(map(plain, row.left_out)))
    return "\n".join(lines)


def _line(line: GateLine) -> str:
    needed = "" if line.rows_needed == "—" else f", rows needed {line.rows_needed}"
    return f"{line.words}: {plain(line.slices)}: measured {line.measured}, interval {line.interval}{needed}"
