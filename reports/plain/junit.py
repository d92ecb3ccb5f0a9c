"""The gates as JUnit XML, which CI systems show as tests."""

from __future__ import annotations

from xml.etree import ElementTree

from ...audit.result import AuditResult, GateResult
from ..slices.gate_tables import GateLine, GateRow, gate_rows
from ..words.formats import count
from ..words.gates_together import gates_together
from ..words.judged_by import judged_by
from ..words.lookup import binding_gates
from ..words.severity import worst
from ..words.spoken import plain, verdict_reason, verdict_words, visible

MOST_LINES = 100
"""Slices, and slices left out, that the report of one gate names."""
ROOM = 10_000_000
"""Characters of all reports: GitLab reads a file of at most 30 MB."""


def render_junit(result: AuditResult) -> str:
    """Render one test suite with one test case per gate.

    A failed gate is a ``failure`` of type ``fail``. A gate that the data cannot decide is a
    ``failure`` of type ``inconclusive``, so that CI shows it. A gate that could not be evaluated is
    an ``error``. A gate of a variant that is not to be released is ``skipped`` whatever it found: it
    does not enter the run's verdict, so it neither turns the suite red nor counts as passed. Without any
    gate one ``skipped`` test case says that there is no verdict: an empty suite is green to most readers.

    The file keeps to the schema of Apache Ant's JUnit task, the strictest of those in use, which the
    readers of Jenkins, GitLab and GitHub's actions accept. A gate over many slices names the worst ones;
    where all reports together would be too long, the last gates have their message alone.
    """
    verdicts = [gate.verdict for gate in binding_gates(result)]
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": visible(f"fairweigh: {result.audit}"),
            # The schema knows no time zone and asks for a host; a result names none.
            "timestamp": visible(result.created)[:19],
            "hostname": "localhost",
            "tests": str(len(result.gates) or 1),
            "failures": str(verdicts.count("fail") + verdicts.count("inconclusive")),
            "errors": str(verdicts.count("error")),
            "skipped": str(len(result.gates) - len(verdicts) if result.gates else 1),
            "time": "0",
        },
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (
        ("verdict", verdict_words(result.verdict)),
        ("reason", verdict_reason(result)),
        *(("judged by", plain(line)) for line in judged_by(result)),
        *(("gates together", plain(told)) for told in [gates_together(result)] if told),
        ("data", result.data.title),
        ("data.sha256", result.data.sha256),
    ):
        ElementTree.SubElement(properties, "property", {"name": name, "value": visible(value)})
    told: list[str] = []
    room = ROOM
    for gate, row in zip(result.gates, gate_rows(result.gates, result), strict=True):
        report = _report(gate, row)
        room -= len(report)
        report = report if room >= 0 else ""
        _add_case(suite, gate, row, result, report)
        if report and not _is_problem(gate):
            # What passes has no place for words in a test case of the schema.
            told.append(f"{_name(gate, row)}\n{report}")
    if not result.gates:
        _case(suite, "no verdict", result, verdict_reason(result))
    ElementTree.SubElement(suite, "system-out").text = "\n\n".join(told)
    ElementTree.SubElement(suite, "system-err")
    ElementTree.indent(suite)
    body = ElementTree.tostring(suite, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _is_problem(gate: GateResult) -> bool:
    return gate.binding and gate.verdict != "pass"


def _name(gate: GateResult, row: GateRow) -> str:
    return f"{visible(gate.id)}: {plain(row.title)}: {plain(row.limit)} [{visible(gate.variant)}]"


def _case(
    suite: ElementTree.Element, name: str, result: AuditResult, skipped: str | None = None
) -> ElementTree.Element:
    about = {"classname": visible(f"fairweigh.{result.audit}"), "name": name, "time": "0"}
    case = ElementTree.SubElement(suite, "testcase", about)
    if skipped is not None:
        ElementTree.SubElement(case, "skipped", {"message": skipped})
    return case


def _add_case(
    suite: ElementTree.Element, gate: GateResult, row: GateRow, result: AuditResult, report: str
) -> None:
    if not gate.binding:
        message = f"for information: not the variant to be released; {row.head.words}. {visible(gate.why)}"
        _case(suite, _name(gate, row), result, message)
        return
    case = _case(suite, _name(gate, row), result)
    if gate.verdict == "pass":
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


def _report(gate: GateResult, row: GateRow) -> str:
    """Write what the gate found: its own line, that of the slices which decide it, and one per slice."""
    lines = [_line(row.head, "the gate, decided by ")]
    if len(row.lines) > 1 or [line.slices for line in row.lines] != [row.head.slices]:
        shown = worst(gate.slices, MOST_LINES)
        lines += [_line(row.lines[k], "slice ") for k in shown]
        lines += _more(len(row.lines) - len(shown), "more slices, none of them worse")
    if row.left_out:
        named = "; ".join(map(plain, row.left_out[:MOST_LINES]))
        lines += [f"left out: {named}", *_more(len(row.left_out) - MOST_LINES, "more left out")]
    return "\n".join(lines)


def _more(n: int, what: str) -> list[str]:
    return [f"{count(n)} {what}: see audit.json"] if n > 0 else []


def _line(line: GateLine, whose: str) -> str:
    needed = f"; {line.rows}" if line.rows else ""
    return f"{line.words}: {whose}{plain(line.slices)}: {line.figures}{needed}"
