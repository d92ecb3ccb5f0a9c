"""One verdict and one pair of limits, whichever way they are asked for: twelve gates, two hopeless."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import fairweigh
import pytest
from fairweigh.reports.page.notebook import render_notebook
from fairweigh.reports.plain.text import render_text
from fairweigh.reports.words.decision_limits import decided_figures
from fairweigh.reports.words.spoken import verdict_word
from fairweigh.testing import assert_gate
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from fairweigh.result import Result

    from .conftest import Ended


COUNTS = {
    "a": (280, 60, 120, 540), "b": (130, 66, 95, 309), "c": (118, 30, 60, 200), "d": (9, 4, 9, 19),
    "tiny": (2, 0, 1, 1),
}  # fmt: skip
"""tp, fp, fn, tn of each group."""

GATES: list[dict[str, Any]] = [
    {"metric": "selection_rate", "by": "g", "compare": "ratio", "limit": ">= 0.8"},
    {"metric": "selection_rate", "by": "g", "compare": "difference", "limit": "<= 0.2"},
    {"metric": "true_positive_rate", "by": "g", "compare": "difference", "limit": "<= 0.1"},
    {"metric": "false_positive_rate", "by": "g", "compare": "ratio", "limit": ">= 0.8"},
    {"metric": "false_positive_rate", "by": "g", "limit": "<= 0.1"},
    {"metric": "precision", "by": "g", "compare": "ratio", "limit": ">= 0.7", "reference": "a"},
    {"metric": "f1", "by": "g", "compare": "difference", "limit": "<= 0.15"},
    {"metric": "equalized_odds_difference", "by": "g", "limit": "<= 0.05"},
    {"metric": "demographic_parity_ratio", "by": "g", "limit": ">= 0.5"},
    {"metric": "accuracy", "limit": ">= 0.75", "decide": "proven"},
    {"metric": "true_positive_rate", "slice": {"g": "tiny"}, "limit": ">= 0.9", "decide": "proven"},
    {"metric": "selection_rate", "slice": {"g": "tiny"}, "limit": "<= 0.2", "decide": "proven"},
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("twelve")
    rows = [
        (name, y, d)
        for name, cells in COUNTS.items()
        for (y, d), n in zip(((1, 1), (0, 1), (1, 0), (0, 0)), cells, strict=True)
        for _ in range(n)
    ]
    table = folder / "rows.csv"
    table.write_text("g,y,d\n" + "".join(f"{g},{y},{d}\n" for g, y, d in rows))
    config = {
        "audit": "twelve", "data": {"path": str(table), "label": "y", "sensitive": ["g"]},
        "model": {"kind": "predictions", "decision": "d"}, "report": {"charts": False},
    }  # fmt: skip
    fairweigh.run(config, folder / "run")
    with (folder / "policy.yaml").open("w") as file:
        YAML().dump({"gates": GATES}, file)
    return folder / "run", folder / "policy.yaml"


@pytest.fixture(scope="module")
def judged(run: tuple[Path, Path]) -> Result:
    result = fairweigh.load_result(run[0]).gate(run[1])
    assert {g.verdict for g in result.gates} == {"pass", "fail", "inconclusive"}
    return result


def told(result: Result) -> list[tuple[str, str]]:
    """Verdict and decision limits of each gate."""
    return [(verdict_word(g.verdict), decided_figures(g, g, result).limits) for g in result.gates]


def test_a_gate_alone_decides_as_it_does_among_twelve(run: tuple[Path, Path], judged: Result) -> None:
    for gate, among in zip(GATES, judged.gates, strict=True):
        (alone,) = fairweigh.load_result(run[0]).gate({"gates": [gate]}).gates
        assert (alone.verdict, alone.low, alone.high, alone.p) == (
            among.verdict, among.low, among.high, among.p
        )  # fmt: skip


def test_an_audit_with_these_gates_decides_alike(
    run: tuple[Path, Path], judged: Result, tmp_path: Path
) -> None:
    settings = {**fairweigh.load_result(run[0]).configuration, "gates": GATES}
    again = fairweigh.run(settings, tmp_path / "run")
    assert again.verdict == judged.verdict == "fail"
    for one, other in zip(again.gates, judged.gates, strict=True):
        assert (one.verdict, one.low, one.high) == (other.verdict, other.low, other.high)


def test_every_file_of_the_command_says_so(
    run: tuple[Path, Path], judged: Result, tmp_path: Path, cli: Callable[..., Ended]
) -> None:
    junit, markdown, sarif = (tmp_path / name for name in ("j.xml", "s.md", "s.sarif"))
    ended = cli(
        "gate", str(run[0]), "--policy", str(run[1]), "--junit", str(junit), "--markdown", str(markdown),
        "--sarif", str(sarif),
    )  # fmt: skip
    assert ended.code == 1
    # What hangs open does not make a failure pass.
    assert cli("gate", str(run[0]), "--policy", str(run[1]), "--allow-inconclusive").code == 1
    lines = [line for line in ended.out.splitlines() if line.startswith("  ")]
    rows = [line for line in markdown.read_text().splitlines() if line.startswith("| ")][1:]
    suite = ElementTree.fromstring(junit.read_text())
    reports = [f.text or "" for f in suite.iter("failure")] + [suite.findtext("system-out", "")]
    results = json.loads(sarif.read_text())["runs"][0]["results"]
    assert len(lines) >= len(GATES)
    for k, (verdict, limits) in enumerate(told(judged)):
        assert verdict in lines[k]
        assert limits in lines[k]
        assert verdict in rows[k]
        assert limits in html.unescape(rows[k])
        assert any(limits in text for text in reports)
        if judged.gates[k].verdict != "pass":
            assert any(limits in json.dumps(r, ensure_ascii=False) for r in results)


def test_the_pages_say_so(judged: Result, tmp_path: Path) -> None:
    judged.to_html(tmp_path / "report.html", charts=False)
    page = html.unescape((tmp_path / "report.html").read_text())
    notebook, text = html.unescape(render_notebook(judged)), render_text(judged)
    for verdict, limits in told(judged):
        assert verdict in page
        for output in (page, notebook, text):
            assert limits in output


def test_an_assertion_of_a_test_says_so(run: tuple[Path, Path], judged: Result) -> None:
    for gate, found, (_, limits) in zip(GATES, judged.gates, told(judged), strict=True):
        if found.verdict == "pass":
            assert_gate(run[0], **gate)
            continue
        with pytest.raises(AssertionError) as failed:
            assert_gate(run[0], **gate)
        assert limits in str(failed.value)
        if found.verdict == "fail":
            with pytest.raises(AssertionError):
                assert_gate(run[0], allow_inconclusive=True, **gate)
        else:
            assert_gate(run[0], allow_inconclusive=True, **gate)


def test_slices_left_out_are_named_in_outputs_of_one_line(run: tuple[Path, Path]) -> None:
    """Of 'tiny' two of four rows have a positive label: it is left out of a gate on these, and said so."""
    result = fairweigh.load_result(run[0]).gate({"gates": [GATES[2]]})
    assert result.gates[0].left_out == [{"g": "d"}, {"g": "tiny"}]
    assert result.gates[0].left_out_sizes == [18, 3]
    for output in (render_text(result), html.unescape(result.to_markdown())):
        assert "left out: g=d (18" in output


def test_gates_in_error_are_none_of_those_that_can_fail_by_chance(run: tuple[Path, Path]) -> None:
    lost = {"metric": "auc", "by": "g", "limit": ">= 0.5"}
    result = fairweigh.load_result(run[0]).gate({"gates": [GATES[2], lost]})
    assert [g.verdict == "error" for g in result.gates] == [False, True]
    assert result.gates_together.proven == 1
