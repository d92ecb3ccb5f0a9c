"""``fairweigh gate`` with a policy and a baseline, what it writes for others, and ``fairweigh check``."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import jsonschema
import pytest

if TYPE_CHECKING:
    import pyarrow as pa

    from .conftest import Ended


POLICY = """\
policy: house rules
gates:
  - {id: good, metric: accuracy, limit: ">= 0"}

  - id: parity
    metric: selection_rate
    by: sex
    compare: difference
    limit: "<= 0.001"
    decide: point
  - {id: proof, metric: accuracy, limit: ">= 0.5", decide: proven}
  - {id: gone, metric: accuracy, by: planet, compare: difference, limit: "<= 1"}
"""


@pytest.fixture
def run(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> str:
    write(
        make_people(y=[0, 1] * 100, approved=[0, 0, 1, 1] * 50), make_config(model={"decision": "approved"})
    )
    assert cli("audit", "a.yaml", "-q").code == 0
    Path("policy.yaml").write_text(POLICY, encoding="utf-8")
    return "runs/t"


def _policy(*ids: Any) -> Any:
    gates = {line.split("id: ")[1].split(",")[0]: line for line in POLICY.splitlines() if "{id: " in line}
    return "gates:\n" + "\n".join(gates[name] for name in ids) + "\n"


@pytest.mark.parametrize(
    ("ids", "code"), [(["good"], 0), (["good", "proof"], 3), (["good", "gone"], 2), (["proof", "gone"], 2)]
)
def test_the_exit_code_is_that_of_the_policys_verdict(
    ids: list[Any], code: int, run: str, cli: Callable[..., Ended]
) -> None:
    Path("p.yaml").write_text(_policy(*ids))
    assert cli("gate", run, "--policy", "p.yaml", "-q").code == code
    lenient = cli("gate", run, "--policy", "p.yaml", "--allow-inconclusive")
    assert lenient.code == (0 if code == 3 else code)
    assert cli("gate", run, "-q").code == 0


def test_every_output_tells_the_same_verdicts(run: str, cli: Callable[..., Ended]) -> None:
    ended = cli(
        "gate", run, "--policy", "policy.yaml", "--junit", "j.xml", "--markdown", "c.md", "--sarif", "s.sarif"
    )
    assert ended.code == 2
    assert ended.out.startswith("! error: ")
    assert "Judged by the policy house rules" in ended.out
    cases = {
        case.get("name").split(":")[0]: [child.get("type") for child in case]
        for case in ElementTree.parse("j.xml").getroot().findall("testcase")
    }
    assert cases == {"good": [], "parity": ["fail"], "proof": ["inconclusive"], "gone": ["error"]}
    results = json.loads(Path("s.sarif").read_text())["runs"][0]["results"]
    assert [(r["ruleId"], r["properties"]["verdict"]) for r in results] == [
        ("parity", "fail"), ("proof", "inconclusive"), ("gone", "error"),
    ]  # fmt: skip
    rows = [line for line in Path("c.md").read_text().splitlines() if line.startswith("| ")][1:]
    assert [row.split("**")[1] for row in rows] == ["✓ pass", "✕ fail", "? inconclusive", "! error"]


def test_a_gate_is_found_by_its_line_in_the_policy(run: str, cli: Callable[..., Ended]) -> None:
    cli("gate", run, "--policy", "policy.yaml", "--sarif", "s.sarif", "-q")
    results = json.loads(Path("s.sarif").read_text())["runs"][0]["results"]
    places = {r["ruleId"]: r["locations"][0]["physicalLocation"] for r in results}
    lines = {name: place["region"]["startLine"] for name, place in places.items()}
    assert lines == {
        name: next(k for k, line in enumerate(POLICY.splitlines(), 1) if f"id: {name}" in line)
        for name in ("parity", "proof", "gone")
    }
    assert {place["artifactLocation"]["uri"] for place in places.values()} == {"policy.yaml"}


def test_a_gate_of_the_audit_is_found_in_its_configuration(
    cli: Callable[..., Ended], write: Callable[..., None], make_people: Callable[..., pa.Table], here: Path
) -> None:
    write(make_people(approved=[0, 1] * 100))
    Path("conf").mkdir()
    Path("conf/a.yaml").write_text(
        "audit: t\ndata: {path: d.parquet, label: y, sensitive: [sex], id: id}\n"
        "model: {decision: approved}\nreport: {charts: false}\ngates:\n"
        '  - {metric: accuracy, limit: ">= 0"}\n  - {metric: accuracy, limit: ">= 1"}\n'
    )
    assert cli("audit", "conf/a.yaml", "-q", "-o", "run").code == 1
    assert cli("gate", "run", "--sarif", "s.sarif", "-q").code == 1
    (found,) = json.loads(Path("s.sarif").read_text())["runs"][0]["results"]
    place = found["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "conf/a.yaml"}, "region": {"startLine": 7}}


def test_on_github_gates_are_annotations_and_the_step_has_a_summary(
    run: str, cli: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = cli("gate", run, "--policy", "policy.yaml").out
    assert "::" not in quiet
    Path("summary").write_text("before\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary")
    lines = cli("gate", run, "--policy", "policy.yaml").out.splitlines()
    stop, token = lines[0].rsplit("::", 1)
    assert stop == "::stop-commands"
    assert len(token) == 32
    end = lines.index(f"::{token}::")
    # What is printed of the data stands where the runner reads no commands.
    assert lines[1:end] == quiet.splitlines()
    assert [line.split(" ")[0] for line in lines[end + 1 :]] == ["::error", "::error", "::warning"]
    assert sum("file=policy.yaml,line=5::" in line for line in lines[end + 1 :]) == 1
    text = Path("summary").read_text()
    assert text.startswith("before\n<!-- fairweigh:t:")
    assert "house rules" in text


def test_a_baseline_is_told_in_every_output(run: str, cli: Callable[..., Ended]) -> None:
    Path("p.yaml").write_text('gates: [{metric: accuracy, compare: change, limit: ">= -0.5"}]')
    ended = cli(
        "gate", run, "--policy", "p.yaml", "--baseline", run, "--markdown", "c.md", "--junit", "j.xml"
    )
    assert ended.code == 0
    told = "compared row by row, paired: all 200 rows matched by id."
    for text in (ended.out, Path("c.md").read_text(), Path("j.xml").read_text()):
        assert told in html.unescape(text)
        assert "since the baseline" in text


@pytest.mark.parametrize("option", ["--junit", "--markdown", "--sarif"])
def test_a_file_that_cannot_be_written_is_one_line(option: str, run: str, cli: Callable[..., Ended]) -> None:
    ended = cli("gate", run, option, "no/such/folder/file")
    assert ended.code == 2
    assert ended.lines == ["fairweigh: no/such/folder/file: cannot be written: No such file or directory"]


@pytest.mark.parametrize("option", ["--junit", "--markdown", "--sarif"])
def test_no_file_is_written_into_a_run(option: str, run: str, cli: Callable[..., Ended]) -> None:
    Path("link").symlink_to(run)
    for file in (f"{run}/junit.xml", f"{run}/regimes/new", "link/summary.md"):
        ended = cli("gate", run, option, file)
        assert ended.code == 2
        assert ended.lines[-1].endswith("stays as it was written; choose a place outside of it")
    Path("link").unlink()
    assert cli("verify", run).code == 0


def test_a_changed_run_or_baseline_is_named_and_nothing_is_written(
    run: str, cli: Callable[..., Ended]
) -> None:
    assert cli("audit", "a.yaml", "-q", "-o", "old").code == 0
    path = Path("old/report.html")
    path.write_bytes(path.read_bytes().replace(b"<", b">", 1))
    for args in ((run, "--baseline", "old"), ("old",)):
        ended = cli("gate", *args, "--policy", "policy.yaml", "--junit", "j.xml")
        assert ended.code == 2
        assert ended.lines == ["fairweigh: old: report.html: changed since the run was written"]
    assert not Path("j.xml").exists()


def test_the_schema_of_a_policy_is_printed_and_holds(cli: Callable[..., Ended], here: Path) -> None:
    from ruamel.yaml import YAML

    found = json.loads(cli("schema", "--policy").out)
    jsonschema.validate(YAML(typ="safe").load(POLICY), found)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"gates": [{"metrc": "accuracy"}]}, found)
    assert cli("schema", "--policy", "--result").code == 2


def test_check_tells_a_configuration_from_a_policy(run: str, cli: Callable[..., Ended]) -> None:
    ended = cli("check", "a.yaml", "policy.yaml")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "a.yaml: a valid configuration with 0 gates",
        "policy.yaml: a valid policy with 4 gates",
    ]
    assert cli("check", "a.yaml", "-q").out == ""


def test_check_names_every_file_that_is_wrong(run: str, cli: Callable[..., Ended]) -> None:
    Path("one.yaml").write_text("gates: [{metrc: a}]\n")
    Path("two.yaml").write_text("audit: t\nlable: y\n")
    Path("three.yaml").write_text("gates: [\n")
    ended = cli("check", "one.yaml", "a.yaml", "two.yaml", "three.yaml", "four.yaml")
    assert ended.code == 2
    assert [line.split(": ")[1] for line in ended.lines] == [
        "one.yaml",
        "two.yaml",
        "three.yaml",
        "four.yaml",
    ]
    assert "did you mean 'metric'?" in ended.lines[0]
